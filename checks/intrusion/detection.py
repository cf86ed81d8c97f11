"""4.f.1: are there measures that detect intrusion?"""

from __future__ import annotations

from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.host.system_facts import HostPackages, HostProcesses
from dengbao.probes.windows.system_facts import WindowsDefence, WindowsServices

from .. import win_system, windows
from ..detection_products import ANTIVIRUS, PRODUCTS
from ..hosts import ask
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "须访谈入侵检测措施的部署范围、特征库更新，并查看检测记录"
WINDOWS_LEFT = "须访谈入侵检测措施的部署范围、特征库更新，并查看检测记录"

_FACT: Final = "host.processes"


@check("intrusion.detection", half=HOST_LEFT)
def host_detects_intrusion(processes: HostProcesses, packages: HostPackages | None) -> Judgement:
    """Judge that a known product runs; one that is installed and does not run fails.

    Where none is seen, one that we do not know may run. A name is proof of a process, not of what it watches.

    Source: GB/T 22239-2019 8.1.4.4 f).
    """
    installed = {one.name for one in packages.packages} if packages is not None else set()
    running = [name for name, one in PRODUCTS.items() if processes.named(*one.processes)]
    idle = [name for name, one in PRODUCTS.items() if name not in running and installed & set(one.packages)]
    met = True if running else False if idle and processes.complete else None
    if running:
        seen = f"主机入侵检测程序 {listing(running)} 正在运行"
    elif idle:
        seen = f"已安装主机入侵检测程序 {listing(idle)}，但未运行"
    else:
        count = len(processes.processes)
        seen = f"在 {count} 个进程中未见已知的主机入侵检测程序，是否另有检测措施须访谈并核查"
    other = [name for name, one in ANTIVIRUS.items() if processes.named(*one.processes)]
    seen += f"；另运行恶意代码防范程序 {listing(other)}，不属于入侵检测" if other else ""
    criterion = ask("running", "是否有入侵检测措施", met, seen, _FACT, decisive=True)
    return Judgement(
        criteria=(criterion,),
        statement=f"经核查，{seen}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


@check("intrusion.detection", half=WINDOWS_LEFT)
def windows_detects_intrusion(services: WindowsServices, defence: WindowsDefence | None) -> Judgement:
    """Judge that a known product runs; protection from malware alone is told, not counted.

    Source: GB/T 22239-2019 8.1.4.4 f).
    """
    criterion, malware = win_system.detection(services, defence)
    return Judgement(
        criteria=(criterion,),
        statement=windows.sentence((criterion,), malware),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
