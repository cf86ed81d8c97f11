"""Words and criteria about what an application shows of persons."""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.model import Criterion, Exchange, kind_of
from dengbao.probes.web.facts_persons import ExportSeen, ExportTry, ViewSeen, WebExports, WebPersons

from .wording import listing

HOLDS_ZH = {
    "name": "姓名", "id_card": "证件号码", "phone": "电话", "bank_card": "银行卡号", "address": "住址",
    "insurance_no": "医保号", "other": "其他个人信息",
}  # fmt: skip


def place_zh(place: str) -> str:
    """Return where something stood."""
    return {"page": "页面", "source": "页面源码"}.get(place, f"接口 {place}")


def masking(view: ViewSeen) -> Iterator[Criterion]:
    """Yield for each field that must be masked whether it is, in the page, its source and behind it."""
    for label in view.masked:
        holds = view.declared.get(label, "other")
        bad, good = _whole(view, label, holds), _masked(view, label)
        doubts = _doubts(view, label)
        met = False if bad else (True if good and not doubts and _all_read(view) else None)
        told = "、".join(bad) if bad else ("、".join((*good, *doubts)) or "未见该字段的值")
        if not bad and view.unread:
            told += f"；未取得：{'、'.join(view.unread)}"
        yield Criterion(
            name=f"masked_{view.path}_{label}", question=f"“{view.name}”的“{label}”是否脱敏", met=met,
            measured=told, fact=kind_of(WebPersons),
        )  # fmt: skip


def _all_read(view: ViewSeen) -> bool:
    return view.shown is True and not view.unread


def _whole(view: ViewSeen, label: str, holds: str) -> list[str]:
    found = [
        f"{place_zh(one.place)}完整显示 {one.full} 处"
        for one in view.fields
        if one.label == label and one.full
    ]
    told = {one.place for one in view.fields if one.label == label and one.full}
    # A whole number counts wherever it stands: it is what the masked field was to keep back.
    found += [
        f"{place_zh(one.place)}含完整{HOLDS_ZH[holds]} {one.count} 处"
        for one in view.numbers
        if one.holds == holds and one.place not in told
    ]
    return found


def _doubts(view: ViewSeen, label: str) -> list[str]:
    """Return what keeps masked values from proving that nothing is shown in full."""
    found = [
        f"{place_zh(one.place)}另有未能辨认的值 {one.other} 处"
        for one in view.fields
        if one.label == label and one.other
    ]
    found += [
        f"{place_zh(one.place)}另有与脱敏值相符的完整值 {one.full} 处，须人工核对"
        for one in view.suspects
        if one.label == label
    ]
    if view.drawn_from:
        found.append(f"页面脚本另取用未登记的接口 {listing(view.drawn_from, 3)}")
    return found


def _masked(view: ViewSeen, label: str) -> list[str]:
    return [
        f"{place_zh(one.place)}脱敏显示 {one.masked} 处"
        for one in view.fields
        if one.label == label and one.masked
    ]


def exported(export: ExportSeen) -> Iterator[Criterion]:
    """Yield for each kind that an export must not hold in clear whether it does."""
    right = next((one for one in export.tries if one.allowed), None)
    for holds in export.masked:
        if right is None or not right.got or not right.whole:
            met, told = None, right.problem if right and right.problem else "未取得或未读完导出文件"
        else:
            met, told = _in_export(right, holds)
        yield Criterion(
            name=f"export_masked_{export.name}_{holds}",
            question=f"导出“{export.name}”中的{HOLDS_ZH.get(holds, holds)}是否脱敏", met=met, measured=told,
            fact=kind_of(WebExports),
        )  # fmt: skip


def _in_export(right: ExportTry, holds: str) -> tuple[bool | None, str]:
    """Tell whether a kind is masked in an export; that nothing was found proves nothing by itself.

    Names, addresses and numbers without a check digit may go unknown, and a file without persons holds none.
    """
    zh = HOLDS_ZH.get(holds, holds)
    count, masked = right.found.get(holds, 0), right.masked.get(holds, 0)
    told = f"含完整{zh} {count} 处"
    if count:
        return False, told
    if not masked:
        return None, f"{told}，也未见脱敏的{zh}，须人工核对"
    return True, f"{told}，脱敏值 {masked} 处"


def export_rights(export: ExportSeen) -> Criterion:
    """Return whether an export is kept from those who may not have it."""
    right = [one for one in export.tries if one.allowed]
    wrong = [one for one in export.tries if not one.allowed]
    taken = [one for one in wrong if one.got]
    if taken:
        met: bool | None = False
    elif not any(one.got for one in right) or any(one.got is None for one in wrong):
        met = None
    elif not any(one.role for one in wrong):
        met = None  # that a stranger was refused says nothing of roles
    else:
        met = True
    told = list(map(tried, export.tries))
    if met is None and not any(one.role for one in wrong):
        told.append("没有以无权的角色请求过")
    return Criterion(
        name=f"export_rights_{export.name}", question=f"导出“{export.name}”是否只对有权角色开放", met=met,
        measured="；".join(told), fact=kind_of(WebExports), decisive=True,
    )  # fmt: skip


def tried(one: ExportTry) -> str:
    """Return what became of one export."""
    who = f"以“{one.role}”身份" if one.role else "未登录"
    may = "（有权）" if one.allowed else "（无权）"
    if one.problem:
        return f"{who}{may}：{one.problem}"
    result = {True: f"取得文件 {one.size_bytes} 字节", False: "被拒绝", None: "不能判断是否取得"}[one.got]
    return f"{who}{may}：返回 {one.status}，{result}"


def export_proofs(export: ExportSeen) -> Iterator[Exchange]:
    """Yield the exports that came to those who may not have them."""
    for one in export.tries:
        if one.got and not one.allowed:
            answer = f"{one.status}，取得 {one.media_type or '文件'} {one.size_bytes} 字节"
            yield Exchange(request=export.request, answer=answer, at=one.at, role=one.role)


def in_clear_proofs(export: ExportSeen, criteria: tuple[Criterion, ...]) -> Iterator[Exchange]:
    """Yield the export of those who may, where it holds in clear what must be masked."""
    right = next((one for one in export.tries if one.allowed), None)
    start = f"export_masked_{export.name}_"
    bad = [one.measured for one in criteria if one.met is False and one.name.startswith(start)]
    if bad and right is not None:
        answer = f"{right.status}，{'；'.join(bad)}"
        yield Exchange(request=export.request, answer=answer, at=right.at, role=right.role)


def view_proofs(view: ViewSeen, criteria: tuple[Criterion, ...]) -> Iterator[Exchange]:
    """Yield the page where something of it is not as it should be."""
    bad = [one for one in criteria if one.met is False and one.name.startswith(f"masked_{view.path}_")]
    if bad:
        answer = f"{view.status}，{'；'.join(one.measured for one in bad)}"
        yield Exchange(request=f"GET {view.path}", answer=answer, at=view.at, role=view.role)
