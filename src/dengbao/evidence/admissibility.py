"""Whether evidence counts: who, when, how and which file are known, and nothing was altered."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from ..errors import DengbaoError, EvidenceError
from ..files import names_in
from ..model import Engagement, Evidence, EvidenceFile, EvidenceKind, Remark, Suite
from ..reading import apart, raise_all, suggest
from ..yamlfile import Document, YamlValue
from .attached import PICTURES, measure, picture_fault
from .carried import FOLDER as CARRIED
from .carried import altered, load_carried
from .findings import Examined, Finding, Gravity, Place, malformed
from .intended import unfinished
from .remarks import FILE as REMARKS
from .reviewed import local_day, of_review, remarks_by_record, settled
from .standing import ADVERSE, thread_of
from .store import folder_of, read_document, read_record, record_names

_PROOF: Final = {
    "collected_by": "缺少采集人（who）",
    "collected_at": "缺少采集时间（when）",
    "method": "缺少取证方法（how）",
    "files": "缺少佐证文件（file）",
}
_GRAVE: Final = (Gravity.ALTERED, Gravity.MALFORMED)
_NUMBERED: Final = re.compile(r"EV-\d+")
_PICTURE_KINDS: Final = (EvidenceKind.SCREENSHOT, EvidenceKind.PHOTO)


def check(directory: Path, suite: Suite, engagement: Engagement, today: date) -> list[Finding]:
    """Return everything that is to be said about the evidence of an engagement folder."""
    return [finding for one in examine(directory, suite, engagement, today) for finding in one.findings]


def admissible(directory: Path, suite: Suite, engagement: Engagement, today: date) -> tuple[Evidence, ...]:
    """Return the evidence that counts; what lacks who, when, how or file is left out.

    Raises:
        EvidenceError: a record cannot be read, or a file was altered after it was filed.

    """
    return admitted(examine(directory, suite, engagement, today))


def admitted(examined: Sequence[Examined]) -> tuple[Evidence, ...]:
    """Return the examined evidence that counts.

    Raises:
        EvidenceError: a record cannot be read, a file was altered after it was filed, or is gone of a record
            that judges against the system: nothing becomes better because its proof is lost.

    """
    grave = [
        EvidenceError(one.message, where=one.where, cure=one.cure)
        for each in examined
        for one in each.findings
        if one.gravity in _GRAVE or (one.attachment and _harmed_adverse(each))
    ]
    raise_all(grave)
    return counted(examined)


def counted(examined: Sequence[Examined]) -> tuple[Evidence, ...]:
    """Return the examined evidence that counts while other evidence may be damaged: for showing only.

    What judges against the system counts although its files are damaged: it is not refuted by that.
    """
    return tuple(
        one.record for one in examined if one.record is not None and (one.counts or _harmed_adverse(one))
    )


def _harmed_adverse(one: Examined) -> bool:
    """Tell whether a record judges against the system and only harmed files keep it from counting."""
    said = [each for each in one.findings if each.gravity is not Gravity.NOTE]
    adverse = one.record is not None and one.record.verdict in ADVERSE
    return adverse and bool(said) and all(each.attachment for each in said)


def damage(examined: Sequence[Examined]) -> tuple[Finding, ...]:
    """Return what cannot be read any more, or is not as it was filed: altered, or gone."""
    return tuple(one for each in examined for one in each.findings if one.gravity in _GRAVE or one.attachment)


class Eyes:
    """How the files are looked at: each is read. Others may remember what they saw (`remembered`).

    What is said of a record here follows from the record, its files, suite, engagement and day alone;
    whatever else it may depend on is added by `examine`.
    """

    def record(self, path: Path, suite: Suite, engagement: Engagement, today: date) -> Examined:
        """Return one record with its findings."""
        return _examine(path, suite, engagement, today)

    def names(self, folder: Path) -> Sequence[str]:
        """Return the names of what lies in the evidence folder, sorted."""
        return names_in(folder) if folder.is_dir() else ()

    def record_names(self, folder: Path) -> Sequence[str]:
        """Return the names of the records in the order of their numbers; EvidenceError for a strange one."""
        return record_names(folder, self.names(folder))

    def all_settled(
        self,
        folder: Path,
        names: Sequence[str],
        remarks: Mapping[str, Sequence[Remark]],
        suite: Suite,
        engagement: Engagement,
        today: date,
    ) -> list[Examined]:
        """Return the records of these names with their findings, after what people said of them."""
        return [
            settled(self.record(path, suite, engagement, today), remarks.get(path.stem, ()), path, today)
            for path in map(folder.joinpath, names)
        ]

    def carried(self, directory: Path) -> tuple[Finding, ...]:
        """Return what is wrong with the registered collected files."""
        return tuple(_carried(directory))


def examine(
    directory: Path, suite: Suite, engagement: Engagement, today: date, *, eyes: Eyes | None = None
) -> tuple[Examined, ...]:
    """Return every record with its findings, in the order of their numbers."""
    eyes = eyes or Eyes()
    folder = folder_of(directory)
    try:
        names = eyes.record_names(folder)
    except EvidenceError as exc:
        return (Examined(None, (malformed("", exc),)),)
    remarks, damage = remarks_by_record(directory)
    examined = eyes.all_settled(folder, names, remarks, suite, engagement, today)
    named = {file.name for one in examined if one.record is not None for file in one.record.files}
    stray = _strays(folder, eyes.names(folder), named, names)
    others = (*damage, *_broken_off(directory, eyes.names(folder)), *stray, *eyes.carried(directory))
    return (*examined, *(Examined(None, (one,)) for one in others))


def _carried(directory: Path) -> Iterator[Finding]:
    """Yield what is wrong with registered collected files: facts rest on them as items rest on evidence."""
    try:
        records = load_carried(directory)
    except EvidenceError as exc:
        yield from (malformed("", one) for one in apart(exc))
        return
    for one in altered(directory, records):
        yield Finding(
            evidence="", gravity=Gravity.ALTERED, message=one.message, cure=one.cure, where=one.where
        )


def _examine(path: Path, suite: Suite, engagement: Engagement, today: date) -> Examined:
    try:
        document = read_document(path)
        lacking = tuple(_lacking(document))
        if lacking:
            return Examined(None, lacking)
        record = read_record(document)
    except EvidenceError as exc:
        return Examined(None, tuple(malformed(path.stem, one) for one in apart(exc)))
    place = Place(document, path.parent)
    findings = (
        *_times(record, place, today),
        *_purpose(record, place, suite, engagement),
        *of_review(record, place, today),
        *_files(record, place),
        *_notes(record, place),
    )
    return Examined(record, findings, thread_of(record, ()))


def draft_faults(
    record: Evidence,
    folder: Path,
    suite: Suite,
    engagement: Engagement,
    today: date,
    *,
    proven: Container[EvidenceFile] = (),
) -> list[DengbaoError]:
    """Return what keeps evidence from being filed; a review that is still to come does not.

    Files that are `proven` were looked at just now, with another record that is filed at the same time.
    """
    place = Place(None, folder)
    findings = (
        *_times(record, place, today),
        *_purpose(record, place, suite, engagement),
        *of_review(record, place, today),
        *_files(record, place, proven),
    )
    return [
        EvidenceError(one.message, where=one.where or record.id, cure=one.cure)
        for one in findings
        if one.gravity not in (Gravity.NOTE, Gravity.UNREVIEWED)
    ]


def _lacking(document: Document) -> Iterator[Finding]:
    for key, message in _PROOF.items():
        if _is_blank(document.value.get(key)):
            name = document.path.stem
            yield Finding(
                evidence=name, gravity=Gravity.INADMISSIBLE, message=f"{name} {message}，不予采信",
                cure=f"补上 {key}，无法补的重新取证", where=document.where((key,)),
            )  # fmt: skip


def _is_blank(value: YamlValue) -> bool:
    if isinstance(value, dict):
        return not value or _is_blank(value.get("name"))
    return value is None or value in ("", []) or (isinstance(value, str) and not value.strip())


def _times(record: Evidence, place: Place, today: date) -> Iterator[Finding]:
    for key, when in (("collected_at", record.collected_at), ("filed_at", record.filed_at)):
        if local_day(when) > today:
            yield place.say(record, key, f"的时间在将来（{when:%Y-%m-%d %H:%M}）", "核对日期与本机时钟")
    if record.collected_at > record.filed_at:
        yield place.say(record, "collected_at", "的采集时间晚于入库时间", "核对采集时间")
    if record.expires is not None and record.expires < today:
        yield place.say(record, "expires", f"已于 {record.expires} 过期", "重新取证入库")


def _purpose(record: Evidence, place: Place, suite: Suite, engagement: Engagement) -> Iterator[Finding]:
    items = {one.id: one for one in suite.items()}
    asset = engagement.asset(record.asset)
    if asset is None:
        known = [one.id for one in engagement.assets]
        yield place.say(
            record, "asset", f"所指的测评对象“{record.asset}”不存在", suggest(record.asset, known)
        )
    for one in record.items:
        item = items.get(one)
        if item is None:
            yield place.say(record, "items", f"所指的测评项“{one}”不存在", suggest(one, items))
        elif asset is not None and asset not in (fitting := engagement.assets_of(item.kinds)):
            names = "、".join(each.id for each in fitting)
            yield place.say(
                record, "items", f"：测评项 {one} 不针对测评对象 {asset.id}", f"可用的测评对象：{names}"
            )


def _files(record: Evidence, place: Place, proven: Container[EvidenceFile] = ()) -> Iterator[Finding]:
    pictures = [one.name for one in record.files if Path(one.name).suffix.lower() in PICTURES]
    for file in record.files:
        if file in proven:
            continue
        finding = _file(record, file, place)
        if finding is not None:
            yield msgspec.structs.replace(finding, attachment=file.name)
        elif file.name in pictures and (fault := picture_fault(place.folder / file.name)):
            yield place.say(record, "files", f"的附件 {file.name} {fault}", "重新截图或拍照后入库")
    if record.kind in _PICTURE_KINDS and not pictures:
        yield place.say(record, "kind", f"是{record.kind.zh}，附件中却没有图片", "附上图片，或改 kind")


def _file(record: Evidence, file: EvidenceFile, place: Place) -> Finding | None:
    try:
        measured = measure(place.folder / file.name)
    except EvidenceError as exc:
        return place.say(record, "files", f"的附件 {file.name}：{exc.message}", exc.cure)
    same = measured.sha256 == file.sha256.lower() and file.sm3.lower() in ("", measured.sm3)
    if not same or file.size_bytes not in (0, measured.size_bytes):
        return place.say(
            record, "files", f"的附件 {file.name} 与登记的摘要不一致，入库后被改动",
            "恢复入库时的原文件，或作为新佐证重新入库", Gravity.ALTERED,
        )  # fmt: skip
    return None


def _notes(record: Evidence, place: Place) -> Iterator[Finding]:
    if not record.redacted:
        yield place.say(
            record, "redacted", "未说明附件中的个人信息已遮盖", "遮盖后写 redacted: true", Gravity.NOTE
        )


def _broken_off(directory: Path, names: Sequence[str]) -> Iterator[Finding]:
    try:
        numbers = unfinished(directory, names)
    except EvidenceError as exc:
        yield malformed("", exc)
        return
    if numbers:
        yield Finding(
            evidence="", gravity=Gravity.INADMISSIBLE, where=str(folder_of(directory)),
            message=f"上次导入中断，尚有 {len(numbers)} 份未入库：{'、'.join(numbers[:5])}",
            cure="再次导入该表，程序先补完上次的入库",
        )  # fmt: skip


def _strays(folder: Path, names: Iterable[str], named: set[str], records: Sequence[str]) -> Iterator[Finding]:
    numbers = {one.removesuffix(".yaml") for one in records}
    for name in sorted({*names}.difference(named, records)):
        numbered = _NUMBERED.match(name)
        if name in (CARRIED, REMARKS) or name.startswith(".") or name.endswith(".md"):
            continue
        if numbered is not None and numbered[0] in numbers:
            continue
        yield Finding(
            evidence="", gravity=Gravity.NOTE, message=f"文件 {name} 没有记录引用，不算佐证",
            cure="用 dengbao evidence add 入库，或移走", where=str(folder / name),
        )  # fmt: skip
