"""5.a.2: are applications verified while they run?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.host.system_facts import HostBoot
from dengbao.probes.windows.system_facts import WindowsTrust

from .. import win_system, windows
from ..hosts import ask, told
from ..trust import BOOT, appraises, root_of_trust

# What the facts cannot show and people must add.
HOST_LEFT = "动态可信验证是否覆盖应用程序的关键执行环节，须核查产品配置并测试"
WINDOWS_LEFT = "动态可信验证是否覆盖应用程序的关键执行环节，须核查产品配置并测试"


@check("trusted.runtime", half=HOST_LEFT)
def host_verifies_at_run_time(boot: HostBoot) -> Judgement:
    """Judge that the kernel refuses to run what does not match: IMA appraisal or fapolicyd.

    Without a root of trust nothing can be verified from one. With one, a product we do not know may do it.

    Source: GB/T 22239-2019 8.1.4.6.
    """
    criteria = (root_of_trust(boot), _appraised(boot))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _appraised(boot: HostBoot) -> Criterion:
    question = "执行环节是否进行动态可信验证"
    if appraises(boot):
        return ask(
            "appraised",
            question,
            True,
            "IMA 对执行文件强制校验（ima_appraise=enforce，策略有校验规则）",
            BOOT,
        )
    if boot.fapolicyd:
        return ask("appraised", question, True, "fapolicyd 正在运行，按清单校验执行文件", BOOT)
    seen = "未见 IMA 强制校验或 fapolicyd，是否另有可信计算产品须人工核查"
    return ask("appraised", question, None, seen, BOOT)


@check("trusted.runtime", half=WINDOWS_LEFT)
def windows_verifies_at_run_time(trust: WindowsTrust) -> Judgement:
    """Judge root of trust, and that only approved code is run.

    Source: GB/T 22239-2019 8.1.4.6.
    """
    criteria = (win_system.root_of_trust(trust), win_system.appraised(trust))
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
