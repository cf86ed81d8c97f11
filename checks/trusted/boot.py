"""5.a.1: are boot programs, system programs and settings verified from a root of trust?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.host.system_facts import HostBoot
from dengbao.probes.windows.facts import WindowsSettings
from dengbao.probes.windows.system_facts import WindowsTrust

from .. import win_system, windows
from ..hosts import told
from ..trust import measured_programs, root_of_trust, verified_boot

# What the facts cannot show and people must add.
HOST_LEFT = "可信根与度量策略是否覆盖重要配置参数和应用程序，须核查产品配置"
WINDOWS_LEFT = "可信根与度量策略是否覆盖重要配置参数和应用程序，须核查产品配置"


@check("trusted.boot", half=HOST_LEFT)
def host_boot_is_verified(boot: HostBoot) -> Judgement:
    """Judge root of trust, verified boot loader and measured system programs.

    Source: GB/T 22239-2019 8.1.4.6.
    """
    criteria = (root_of_trust(boot), verified_boot(boot), measured_programs(boot))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


@check("trusted.boot", half=WINDOWS_LEFT)
def windows_boot_is_verified(trust: WindowsTrust, settings: WindowsSettings) -> Judgement:
    """Judge root of trust, verified boot loader and guarded system code.

    Source: GB/T 22239-2019 8.1.4.6.
    """
    criteria = (
        win_system.root_of_trust(trust),
        win_system.verified_boot(settings),
        win_system.measured(trust),
    )
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
