"""How each item can be answered on each kind of asset: by program, half by program, or by hand."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from ..checking import Registry
from ..model import (
    Application,
    Asset,
    AuditLog,
    BackupAsset,
    Call,
    DatabaseAsset,
    DataPlace,
    DeclaredFlow,
    Export,
    HostAsset,
    InputField,
    InputForm,
    Item,
    Kind,
    Message,
    PasswordChange,
    PatientView,
    RowIntegrity,
    SecondFactor,
    Signature,
    Suite,
    SystemAsset,
    TlsAsset,
    Traffic,
    UserAdmin,
    Value,
    WebAsset,
    WebFunction,
)
from ..probes.registry import probes_for
from .plan import fitting, offered

_VIEW: Final = PatientView(
    path="/patients", account="a", fields={"身份证号": "id_card"}, masked=("身份证号",)
)
_INPUT: Final = InputForm(id="i", name="", account="a", path="/p", inputs={"name": InputField(sample="x")})
_APP: Final = Application(
    functions=(WebFunction(id="f", name="", path="/f/{object}", roles=("r",), objects={"a": ("1",)}),),
    second_factor=SecondFactor(),
    password_change=PasswordChange(account="a", path="/password"),
    users=UserAdmin(account="a", list_path="/users", create=Call(path="/users"), remove=Call(path="/users")),
    audit=AuditLog(account="a", path="/audit", remove=Call(path="/audit"), alter=Call(path="/audit")),
    inputs=(_INPUT,),
    patients=(_VIEW,),
    exports=(Export(path="/export", account="a"),),
    messages=(Message(id="m", name="", path="/m", signature=Signature(algorithm="sm3", key="", field="s")),),
    openapi="/openapi.json",
    roster=("a",),
)
_TRAFFIC: Final = Traffic(
    interface="lo",
    flows=(
        DeclaredFlow(name="f", server="192.0.2.1"),
        DeclaredFlow(name="g", server="192.0.2.1", admin=True),
    ),
)
_DATA: Final = (DataPlace(path="data"),)
# One asset of each sort that probes tell apart, with all declared that a probe asks for.
SORTS: tuple[tuple[str, Asset], ...] = (
    ("应用", WebAsset(id="web", name="", url="https://192.0.2.1", app=_APP, traffic=_TRAFFIC, data=_DATA)),
    ("通信端点", TlsAsset(id="tls", name="", address="192.0.2.1:443")),
    (
        "Linux",
        HostAsset(
            id="linux", name="", address="192.0.2.1", admin_sources=("198.51.100.1",),
            try_sources=("198.51.100.2",), stop_account="user", traffic=_TRAFFIC, data=_DATA,
        ),
    ),
    ("Windows", HostAsset(id="windows", name="", address="192.0.2.1", platform="windows", collected="w.txt")),
    (
        "数据库",
        DatabaseAsset(
            id="database", name="", address="192.0.2.1", platform="postgresql", offsite=("198.51.100.0/24",),
            traffic=_TRAFFIC, data=_DATA,
            integrity=(
                RowIntegrity(table="t", row="id", digest="d", algorithm="sm3", over=("c",), alter=True),
            ),
        ),
    ),
    (
        "备份",
        BackupAsset(
            id="backup", name="", path="/backup", host="linux", database="database", restore=True,
            offsite=True,
        ),
    ),
    ("系统", SystemAsset(id="system", name="")),
)  # fmt: skip


class Share(StrEnum):
    """Who answers an item on a sort of asset."""

    AUTOMATIC = "automatic"
    HALF = "half"
    BY_HAND = "by_hand"

    @property
    def zh(self) -> str:
        """Return the word people read."""
        return {"automatic": "自动", "half": "半自动", "by_hand": "人工"}[self.value]


class Cell(Value):
    """How one item is answered on one sort of asset; `why` says what is left to people, and why."""

    item: str
    sort: str
    share: Share
    checks: tuple[str, ...] = ()
    why: tuple[str, ...] = ()


def coverage(suite: Suite, registry: Registry) -> Iterator[Cell]:
    """Yield a cell for every item and every sort of asset that it is asked of, in official order."""
    for item in suite.items():
        for sort, asset in SORTS:
            if asset.kind in item.kinds:
                yield _cell(item, sort, asset, registry)


def _cell(item: Item, sort: str, asset: Asset, registry: Registry) -> Cell:
    kinds = offered(probes_for(asset))
    found = [one for one in (fitting(registry, use.use, kinds) for use in item.checks) if one is not None]
    if not found:
        return Cell(item=item.id, sort=sort, share=Share.BY_HAND, why=(_why(item, asset.kind),))
    left = tuple(dict.fromkeys(one.half for one in found if one.half))
    names = tuple(one.check for one in found)
    return Cell(
        item=item.id, sort=sort, share=Share.HALF if left else Share.AUTOMATIC, checks=names, why=left
    )


def _why(item: Item, kind: Kind) -> str:
    given = item.by_hand.why.get(kind)
    if given:
        return given
    return "以文档、访谈或人工测试为证"


def shares(cells: list[Cell]) -> dict[str, dict[Share, int]]:
    """Return for each sort of asset how many items are answered how."""
    counts: dict[str, dict[Share, int]] = {}
    for cell in cells:
        of = counts.setdefault(cell.sort, dict.fromkeys(Share, 0))
        of[cell.share] += 1
    return counts
