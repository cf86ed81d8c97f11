"""The fact store of a round: content-addressed, append-only, resumable.

A probe's answer is one file, written whole once and never changed; transcripts lie beside under
their digest. Each file carries the digest of its own content, so that damage is noticed and named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from .errors import Reason, StoreError
from .files import write_whole
from .model import FactRef, Facts, Missing, Raw, Value, kind_of
from .redact import Redactor

RAW_LIMIT_BYTES: Final = 8 * 1024 * 1024


class FactFile(Value):
    """One probe's answer about one asset, as stored; `sha256` is over all the rest."""

    schema: int
    asset: str
    probe: str
    tool_version: str
    begun_at: datetime
    ended_at: datetime
    privilege: str = ""
    facts: tuple[dict[str, object], ...] = ()
    missing: tuple[Missing, ...] = ()
    raw: tuple[Raw, ...] = ()
    sha256: str = ""


@dataclass(frozen=True)
class Seen:
    """All that is known of one asset: facts, what is missing, and the digests records refer to."""

    facts: Mapping[str, Facts] = field(default_factory=dict)
    missing: Mapping[str, Missing] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def refs(self, kinds: Iterable[str]) -> tuple[FactRef, ...]:
        """Return the references of those of `kinds` that are there."""
        return tuple(FactRef(fact=one, sha256=self.digests[one]) for one in kinds if one in self.digests)


def canonical(value: object) -> bytes:
    """Return the one JSON form that digests are taken over."""
    return msgspec.json.encode(value, order="sorted")


def digest(data: bytes) -> str:
    """Return the sha256 of bytes in hex."""
    return hashlib.sha256(data).hexdigest()


def fact_digest(facts: Facts) -> str:
    """Return the digest a record refers to these facts by."""
    return digest(canonical(facts))


class FactStore:
    """Facts of one round in `folder`; `types` are all kinds of facts that may be read back."""

    def __init__(self, folder: Path, types: Mapping[str, type[Facts]]) -> None:
        self.folder = folder
        self._types = types

    def path_of(self, asset: str, probe: str) -> Path:
        """Return where a probe's answer is stored."""
        return self.folder / "facts" / asset / f"{probe}.json"

    def has(self, asset: str, probe: str) -> bool:
        """Tell whether the probe has finished on the asset, in this or an earlier sitting."""
        return self.path_of(asset, probe).exists()

    def keep_raw(self, name: str, data: bytes, redactor: Redactor) -> Raw:
        """Store a transcript after redaction under its digest; beyond 8 MiB it is cut with a mark."""
        if len(data) > RAW_LIMIT_BYTES:
            data = data[:RAW_LIMIT_BYTES] + "\n［以下截断］\n".encode()
        clean = redactor.data(data)
        reference = Raw(name=name, sha256=digest(clean), size_bytes=len(clean))
        path = self.folder / "raw" / reference.sha256
        if not path.exists():
            write_whole(path, clean)
        return reference

    def save(self, file: FactFile) -> FactFile:
        """Store a probe's answer; it is there whole, or not at all.

        Raises:
            StoreError: the answer is there already: facts are never overwritten.

        """
        path = self.path_of(file.asset, file.probe)
        if path.exists():
            raise StoreError("事实文件已存在，不得覆盖", where=str(path), cure="复测请开始新的一轮")
        sealed = msgspec.structs.replace(file, sha256=_own_digest(file))
        write_whole(path, msgspec.json.format(canonical(sealed), indent=1))
        return sealed

    def load_file(self, path: Path) -> FactFile:
        """Return a stored answer.

        Raises:
            StoreError: damaged, altered or unreadable; the file is named.

        """
        cure = "恢复备份；或移走该文件后重新运行以再次采集"
        try:
            file = msgspec.json.decode(path.read_bytes(), type=FactFile)
        except OSError as exc:
            raise StoreError(f"无法读取事实文件：{exc.strerror}", where=str(path), cure=cure) from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise StoreError("事实文件已损坏，无法解析", where=str(path), cure=cure) from exc
        if _own_digest(file) != file.sha256:
            raise StoreError("事实文件内容与其摘要不符，可能被改动", where=str(path), cure=cure)
        if path != self.path_of(file.asset, file.probe):
            raise StoreError("事实文件的位置与内容不符", where=str(path), cure=cure)
        for raw in file.raw:
            self._check_raw(raw)
        return file

    def _check_raw(self, raw: Raw) -> None:
        path = self.folder / "raw" / raw.sha256
        cure = "恢复备份；或移走引用它的事实文件后重新运行"
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as exc:
            raise StoreError(f"原始记录“{raw.name}”缺失：{exc.strerror}", where=str(path), cure=cure) from exc
        if found != raw.sha256:
            raise StoreError(f"原始记录“{raw.name}”已损坏", where=str(path), cure=cure)

    def decode(self, file: FactFile) -> tuple[Facts, ...]:
        """Return the facts of a stored answer as values.

        Raises:
            StoreError: a kind of facts this version does not know, or of another shape.

        """
        where = str(self.path_of(file.asset, file.probe))
        found: list[Facts] = []
        for raw in file.facts:
            tag = str(raw.get("fact", ""))
            facts_type = self._types.get(tag)
            if facts_type is None:
                raise StoreError(f"未知的事实种类 {tag}", where=where, cure="用采集时的版本判定，或重新采集")
            try:
                found.append(msgspec.convert(raw, facts_type))
            except msgspec.ValidationError as exc:
                raise StoreError(
                    f"事实 {tag} 的结构与本版本不符：{exc}",
                    where=where,
                    cure="用采集时的版本判定，或重新采集",
                ) from exc
        return tuple(found)

    def see(self, asset: str, probes: Mapping[str, Iterable[str]]) -> Seen:
        """Return all that the given probes (name → kinds of facts) brought from an asset.

        A damaged file does not stop the others: its facts are missing, reason `damaged`, file named.
        """
        facts: dict[str, Facts] = {}
        lacks: dict[str, Missing] = {}
        digests: dict[str, str] = {}
        for probe, kinds in probes.items():
            path = self.path_of(asset, probe)
            if not path.exists():
                continue
            try:
                file = self.load_file(path)
                brought = self.decode(file)
            except StoreError as exc:
                for kind in kinds:
                    lacks[kind] = Missing(fact=kind, reason=Reason.DAMAGED, message=str(exc))
                continue
            for one in brought:
                facts[kind_of(one)] = one
                digests[kind_of(one)] = fact_digest(one)
            lacks.update({one.fact: one for one in file.missing})
        return Seen(facts, lacks, digests)

    def damaged(self) -> tuple[StoreError, ...]:
        """Return what is wrong with each damaged file of the round."""
        found: list[StoreError] = []
        for path in self._answers():
            try:
                self.decode(self.load_file(path))
            except StoreError as exc:
                found.append(exc)
        return tuple(found)

    def answers(self) -> tuple[FactFile, ...]:
        """Return every stored answer, in order of their paths.

        Raises:
            StoreError: a file is damaged.

        """
        return tuple(self.load_file(path) for path in self._answers())

    def origins(self) -> dict[tuple[str, str, str], FactFile]:
        """Return `(asset, kind, digest)` of every stored fact → the answer it came with.

        Raises:
            StoreError: a file is damaged.

        """
        found = {}
        for file in self.answers():
            found.update({(file.asset, kind_of(one), fact_digest(one)): file for one in self.decode(file)})
        return found

    def _answers(self) -> list[Path]:
        """Return the files of all answers in order; a folder that may not be read is an error."""
        facts = self.folder / "facts"
        assets = [one for one in facts.iterdir() if one.is_dir()] if facts.exists() else []
        return sorted(path for one in assets for path in one.iterdir() if path.suffix == ".json")

    def digest_of_all(self) -> str:
        """Return one digest over the digests of all stored answers, in order of their paths."""
        total = hashlib.sha256()
        for path in self._answers():
            total.update(f"{path.parent.name}/{path.name} {digest(path.read_bytes())}\n".encode())
        return total.hexdigest()


def _own_digest(file: FactFile) -> str:
    return digest(canonical(msgspec.structs.replace(file, sha256="")))


def as_stored(facts: Facts) -> dict[str, object]:
    """Return facts in the plain form a `FactFile` holds."""
    return msgspec.json.decode(canonical(facts), type=dict[str, object])
