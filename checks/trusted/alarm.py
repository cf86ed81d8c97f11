"""5.a.3: does an alarm follow when the trust in the device is broken?"""

from __future__ import annotations

from datetime import UTC, datetime

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.system_facts import HostBoot, IntegrityTool

from ..hosts import ask, told
from ..trust import BOOT, appraises
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = "在测试机改动一个受度量的测试程序，验证是否报警并送达责任人的截图和记录"


@check("trusted.alarm", half=LEFT)
def host_notices_broken_trust(boot: HostBoot) -> Judgement:
    """Judge whether anything on the host would notice and record a change: IMA, fapolicyd or a file check.

    Whether a person is told can only be tested; where nothing notices, there is nothing to tell.

    Source: GB/T 22239-2019 8.1.4.6.
    """
    criteria = (_noticed(boot), *_reported(boot))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )


def _noticed(boot: HostBoot) -> Criterion:
    question = "可信性受到破坏时是否有检测和记录的机制"
    found = ["IMA 强制校验（拒绝执行并记入审计）"] if appraises(boot) else []
    found += ["fapolicyd（拒绝执行并记入审计）"] if boot.fapolicyd else []
    found += [f"{one.name} 定期校验" for one in boot.tools if one.database and one.scheduled]
    if found:
        return ask("noticed", question, True, f"检测机制：{listing(found)}", BOOT, decisive=True)
    blind = [one.name for one in boot.tools if None in (one.database, one.scheduled)]
    if blind:
        return ask("noticed", question, None, f"{listing(blind)} 的基线或定期校验未能查看", BOOT)
    idle = listing(one.name for one in boot.tools)
    about = f"{idle} 没有基线或不定期运行" if idle else "未安装完整性校验工具"
    # Without a root of trust no product can verify from one; with one, a product we do not know may.
    nothing = boot.trust_chip is False and boot.ima is not None and boot.fapolicyd is False
    if nothing and not boot.ima:
        return ask("noticed", question, False, f"无可信根，内核度量未启用，{about}", BOOT, decisive=True)
    return ask("noticed", question, None, f"{about}，是否另有可信验证产品报警须人工核查", BOOT)


def _reported(boot: HostBoot) -> tuple[Criterion, ...]:
    """Return when a scheduled check last left a report, where it left one; no report is no proof of none."""
    ran: list[tuple[IntegrityTool, int]] = [
        (one, one.report_at_s) for one in boot.tools if one.scheduled and one.report_at_s is not None
    ]
    if not ran:
        return ()
    times = listing(f"{one.name} {datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for one, at in ran)
    return (ask("reported", "定期校验是否留有结果记录", True, f"最近一次校验报告：{times}", BOOT),)
