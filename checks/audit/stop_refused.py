"""3.d.1: is an ordinary account refused when it tries to interrupt the audit process?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Criterion, Judgement
from dengbao.probes.host.running_facts import HostAuditStop, StopAttempt

from ..hosts import ask, told

_FACT: Final = "host.audit_stop"
_WHAT: Final[Mapping[str, str]] = {
    "signal": "向审计进程发送信号（kill，以 0 号信号探明权限）",
    "auditctl": "关闭内核审计（auditctl -e 0）",
    "systemctl": "停止审计服务（systemctl stop auditd）",
}


@check("audit.stop_refused")
def host_refuses_to_stop_auditing(stop: HostAuditStop) -> Judgement:
    """Judge that every try of an ordinary account was refused, and that the same process still runs.

    A try that brought no clear answer (no such program, no systemd) proves nothing either way, and is left
    out; at least one must have been refused.

    Source: GB/T 22239-2019 8.1.4.3 d).
    """
    if stop.running_before is None:
        raise Undetermined("经测试验证，主机不向普通账户显示审计进程，未能尝试中断")
    if not stop.running_before:
        criterion = ask("running", "审计进程是否运行", False, "审计进程 auditd 未运行", _FACT, decisive=True)
        return Judgement(criteria=(criterion,), statement="经测试验证，审计进程 auditd 未运行，无从保护。")
    clear = [one for one in stop.attempts if one.refused is not None]
    if not clear:
        raise Undetermined("经测试验证，各次尝试均未得到明确应答，不能说明审计进程是否受到保护")
    criteria = (*(_refused(one) for one in clear), _alive(stop))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，以普通账户 {stop.account} 尝试中断审计进程：{told(criteria)}。",
    )


def _refused(one: StopAttempt) -> Criterion:
    what = _WHAT.get(one.name, one.name)
    seen = f"{what}{'被拒绝' if one.refused else '成功'}"
    return ask(one.name, "普通账户中断审计是否被拒绝", one.refused, seen, _FACT, decisive=True)


def _alive(stop: HostAuditStop) -> Criterion:
    seen = {
        True: "尝试后原审计进程仍在运行",
        False: "尝试后原审计进程已停止",
        None: "尝试后审计进程是否仍在运行未能确认",
    }[stop.running_after]
    if stop.restored is not None:
        seen += "，已由该账户重新启动" if stop.restored else "，未能恢复，须立即人工启动"
    return ask("alive", "尝试后审计进程是否仍在运行", stop.running_after, seen, _FACT, decisive=True)
