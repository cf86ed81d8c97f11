"""4.b.1: does every program that listens belong to something known?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, HostAsset, Judgement
from dengbao.probes.host.running_facts import HostSockets, Served
from dengbao.probes.ports.facts import ports_in

from ..hosts import ask, told
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = "各监听程序是否为业务所必需，须与服务清单人工比对"

_FACT: Final = "host.sockets"
# Where nobody installs services: what listens from there was put there in passing.
_TEMPORARY: Final = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/")  # noqa: S108 - places to be suspicious of
_SHOWN: Final = 20


@check("intrusion.listening_programs", half=LEFT)
def host_listens_with_known_programs(asset: HostAsset, sockets: HostSockets) -> Judgement:
    """Judge that every program that others can reach is of a package, or listens on a declared port.

    What belongs to neither may be needed: a person must say so. What runs from a folder for temporary files
    is no service.

    Source: GB/T 22239-2019 8.1.4.4 b).
    """
    outside = [one for one in sockets.sockets if one.reachable]
    if not outside:
        seen = ask(
            "none", "是否没有对外监听的程序", True, f"监听端口 {len(sockets.sockets)} 个，均仅限本机", _FACT
        )
        return Judgement(criteria=(seen,), statement=f"经核查，{seen.measured}。")
    criteria = (_temporary(outside), _known(asset, outside))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，对外监听端口 {len(outside)} 个：{_rows(outside)}；{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


def _rows(outside: Iterable[Served]) -> str:
    return listing(dict.fromkeys(_row(one) for one in outside), _SHOWN)


def _row(one: Served) -> str:
    if not one.process:
        return f"{one.port}/{one.protocol} 内核或未见进程"
    start = {True: "自启", False: "未设自启", None: ""}[one.enabled]
    whence = one.package or ("无软件包" if one.package == "" else "")
    about = "，".join(part for part in (whence, one.unit, start, one.user) if part)
    return f"{one.port}/{one.protocol} {one.process}" + (f"（{about}）" if about else "")


def _temporary(outside: list[Served]) -> Criterion:
    bad = [one for one in outside if one.executable.startswith(_TEMPORARY)]
    seen = "没有从临时目录运行的监听程序"
    if bad:
        names = listing(f"{one.executable}（{one.port}/{one.protocol}）" for one in bad)
        seen = f"从临时目录运行的监听程序：{names}"
    return ask("temporary", "监听程序是否不在临时目录中", not bad, seen, _FACT, decisive=True)


def _known(asset: HostAsset, outside: list[Served]) -> Criterion:
    """Return whether each row has a package or a declared port; None where some have neither."""
    question = "监听程序是否均来源可查或已登记用途"
    declared = _declared(asset)
    strange = [one for one in outside if not one.package and (one.protocol, one.port) not in declared]
    if not strange:
        return ask("known", question, True, "均属于已安装的软件包，或端口已登记用途", _FACT)
    names = listing(f"{one.port}/{one.protocol} {one.executable or one.process or '内核'}" for one in strange)
    return ask(
        "known", question, None, f"不属于任何软件包且端口未登记用途的 {len(strange)} 个：{names}", _FACT
    )


def _declared(asset: HostAsset) -> frozenset[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for rule in asset.allowed_ports:
        try:
            numbers = ports_in(rule.ports)
        except ValueError as exc:
            raise Undetermined(f"allowed_ports 中的“{rule.ports}”不是端口") from exc
        if rule.purpose.strip():
            found |= {(rule.protocol.casefold(), number) for number in numbers}
    return frozenset(found)
