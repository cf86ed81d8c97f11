"""Reads a suite's folder: `suite.yaml`, `profile.yaml` and one `NN_*.yaml` for each chapter."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from ..checking import Registry
from ..errors import ContentError, DengbaoError
from ..judging import bind_params
from ..model import Chapter, Clause, EvidenceKind, Item, ParamValue, Suite, Threshold, Value
from ..reading import Mistake, apart, errors_of, raise_all, read_value, suggest
from ..yamlfile import Document, Place, read_yaml
from .plan import no_check_cure

Shape = TypeVar("Shape")

_CHAPTER_FILE: Final = re.compile(r"(\d\d)_[a-z0-9_]+\.yaml")
_SUITE_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CERTAINTIES: Final = ("binding", "second_hand", "convention")


class SuiteHead(Value):
    """What `suite.yaml` holds."""

    id: str
    title: str
    edition: str
    regulation: str
    mandatory: tuple[Item, ...] = ()
    anomalies: tuple[str, ...] = ()


class ProfileFile(Value):
    """What `profile.yaml` holds."""

    profile: dict[str, Threshold]


@dataclass(frozen=True)
class _File(Generic[Shape]):
    """One file of the suite, read."""

    document: Document
    value: Shape


@dataclass(frozen=True)
class _Placed:
    """An item with where it stands; `clause` is None for the mandatory items."""

    document: Document
    place: Place
    item: Item
    clause: Clause | None


def load_suite(folder: Path, registry: Registry | None = None) -> Suite:
    """Return the suite that a folder holds; `sha256` is the digest over its files' names and bytes.

    With `registry` the checks that items use, and the parameters given to them, are looked up too.

    Raises:
        ContentError: with every mistake found, each with `file:line`.

    """
    names = _file_names(folder)
    errors: list[DengbaoError] = []
    heads = _read(folder / "suite.yaml", SuiteHead, errors)
    profiles = _read(folder / "profile.yaml", ProfileFile, errors)
    chapters = [file for name in names for file in _read(folder / name, Chapter, errors)]
    raise_all(errors)
    [head], [profile] = heads, profiles
    placed = [*_mandatory(head), *(one for file in chapters for one in _items(file))]
    values = {name: one.value for name, one in profile.value.profile.items()}
    raise_all(
        [
            *errors_of(head.document, ContentError, _head_mistakes(folder, head.value)),
            *errors_of(profile.document, ContentError, _profile_mistakes(profile.value)),
            *(error for file in chapters for error in _chapter_errors(file)),
            *_duplicates(placed),
            *(error for one in placed for error in _item_errors(one, values)),
            *(error for one in placed if registry for error in _check_errors(one, values, registry)),
        ]
    )
    return Suite(
        id=head.value.id,
        title=head.value.title,
        edition=head.value.edition,
        regulation=head.value.regulation,
        mandatory=head.value.mandatory,
        chapters=tuple(file.value for file in chapters),
        profile=profile.value.profile,
        anomalies=head.value.anomalies,
        sha256=_digest([head.document, profile.document, *(file.document for file in chapters)]),
    )


def _file_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        known = sorted(one.parent.name for one in folder.parent.glob("*/suite.yaml"))
        raise ContentError(
            f"没有测评依据“{folder.name}”", where=str(folder.parent), cure=suggest(folder.name, known)
        )
    found = sorted(one.name for one in folder.iterdir() if one.suffix.lower() in (".yaml", ".yml"))
    chapters = [one for one in found if _CHAPTER_FILE.fullmatch(one)]
    stray = [one for one in found if one not in (*chapters, "suite.yaml", "profile.yaml")]
    if stray:
        raise ContentError(
            f"文件名不合规则：{'、'.join(stray)}",
            where=str(folder),
            cure="章文件写成 01_identity.yaml；其余只有 suite.yaml、profile.yaml",
        )
    if not chapters:
        raise ContentError("没有章文件", where=str(folder), cure="补上 01_identity.yaml 等章文件")
    return chapters


def _read(path: Path, shape: type[Shape], errors: list[DengbaoError]) -> list[_File[Shape]]:
    try:
        document = read_yaml(path, ContentError)
        return [_File(document, read_value(document, shape, ContentError))]
    except ContentError as exc:
        errors += apart(exc)
        return []


def _mandatory(head: _File[SuiteHead]) -> Iterator[_Placed]:
    for number, item in enumerate(head.value.mandatory):
        yield _Placed(head.document, ("mandatory", number), item, None)


def _items(file: _File[Chapter]) -> Iterator[_Placed]:
    for row, clause in enumerate(file.value.clauses):
        for number, item in enumerate(clause.items):
            yield _Placed(file.document, ("clauses", row, "items", number), item, clause)


def _head_mistakes(folder: Path, head: SuiteHead) -> Iterator[Mistake]:
    if not _SUITE_ID.fullmatch(head.id):
        yield Mistake(("id",), f"编号“{head.id}”不合格式", "用小写字母、数字和连字符，如 annex3-2023")
    elif head.id != folder.name:
        yield Mistake(("id",), f"编号“{head.id}”与目录名“{folder.name}”不一致", "改成一样")


def _profile_mistakes(file: ProfileFile) -> Iterator[Mistake]:
    for name, one in file.profile.items():
        if one.certainty not in _CERTAINTIES:
            place = ("profile", name, "certainty")
            yield Mistake(place, f"不认识的值“{one.certainty}”", suggest(one.certainty, _CERTAINTIES))


def _chapter_errors(file: _File[Chapter]) -> list[DengbaoError]:
    return errors_of(file.document, ContentError, _chapter_mistakes(file))


def _chapter_mistakes(file: _File[Chapter]) -> Iterator[Mistake]:
    chapter = file.value
    if f"{chapter.number:02d}" != file.document.path.name[:2]:
        yield Mistake(("number",), f"章号 {chapter.number} 与文件名不一致", "章号须等于文件名前两位数字")
    if not chapter.clauses:
        yield Mistake(("clauses",), "本章没有条款", "补上条款，或删去该文件")
    for row, clause in enumerate(chapter.clauses):
        place: Place = ("clauses", row)
        if clause.id != f"{chapter.number}.{clause.letter}":
            wanted = f"{chapter.number}.{clause.letter}"
            yield Mistake((*place, "id"), f"条款编号“{clause.id}”与章号、字母不一致", f"写成 {wanted}")
        if not clause.items:
            yield Mistake((*place, "items"), f"条款 {clause.id} 没有测评项", "每个条款至少有一个测评项")


def _duplicates(placed: Iterable[_Placed]) -> Iterator[ContentError]:
    seen: dict[str, list[_Placed]] = defaultdict(list)
    for one in placed:
        seen[one.item.id].append(one)
    for item_id, same in seen.items():
        for later in same[1:]:
            first = same[0].document.where((*same[0].place, "id"))
            where = later.document.where((*later.place, "id"))
            yield ContentError(
                f"测评项编号“{item_id}”重复", where=where, cure=f"已用于 {first}，改用别的编号"
            )


def _item_errors(one: _Placed, profile: dict[str, ParamValue]) -> list[DengbaoError]:
    mistakes = (*_identity(one), *_substance(one), *_uses(one, profile))
    return errors_of(one.document, ContentError, mistakes)


def _identity(one: _Placed) -> Iterator[Mistake]:
    item, place = one.item, (*one.place, "id")
    if any(letter in item.id for letter in "@/ "):
        yield Mistake(place, f"测评项编号“{item.id}”含有 @、/ 或空格", "写成 1.a.3 的样子")
    elif one.clause is not None and not item.id.startswith(f"{one.clause.id}."):
        yield Mistake(
            place, f"测评项编号“{item.id}”不属于条款 {one.clause.id}", f"写成 {one.clause.id}.1 的样子"
        )


def _substance(one: _Placed) -> Iterator[Mistake]:
    item = one.item
    for key, given in (("kinds", item.kinds), ("methods", item.methods)):
        if not given:
            yield Mistake((*one.place, key), f"测评项 {item.id} 的 {key} 是空的", "至少写一个")
        elif len(set(given)) < len(given):
            yield Mistake((*one.place, key), f"测评项 {item.id} 的 {key} 有重复", "删去重复的")
    known = [kind.value for kind in EvidenceKind]
    for number, kept in enumerate(item.by_hand.keep):
        if kept not in known:
            yield Mistake(
                (*one.place, "by_hand", "keep", number), f"不认识的佐证类型“{kept}”", suggest(kept, known)
            )


def _uses(one: _Placed, profile: dict[str, ParamValue]) -> Iterator[Mistake]:
    names = [use.use for use in one.item.checks]
    for number, use in enumerate(one.item.checks):
        place = (*one.place, "checks", number)
        if use.use in names[:number]:
            yield Mistake(place, f"测评项 {one.item.id} 两次使用检查 {use.use}", "删去一个")
        for key, value in use.with_.items():
            if isinstance(value, str) and value.startswith("$") and value[1:] not in profile:
                yield Mistake(
                    (*place, "with", key), f"profile 里没有“{value[1:]}”", suggest(value[1:], profile)
                )


def _check_errors(one: _Placed, profile: dict[str, ParamValue], registry: Registry) -> Iterator[DengbaoError]:
    for number, use in enumerate(one.item.checks):
        where = one.document.where((*one.place, "checks", number))
        variants = registry.of(use.use)
        if not variants:
            yield ContentError(f"没有检查“{use.use}”", where=where, cure=no_check_cure(use.use, registry))
        for variant in variants:
            try:
                bind_params(variant, profile, use.with_, where=where)
            except ContentError as exc:
                yield exc


def _digest(documents: Iterable[Document]) -> str:
    total = hashlib.sha256()
    for one in sorted(documents, key=lambda document: document.path.name):
        # Name and length go in too, so that no bytes can move from one file to the next unseen.
        total.update(f"{one.path.name}\0{len(one.data)}\0".encode())
        total.update(one.data)
    return total.hexdigest()
