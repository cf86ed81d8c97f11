"""What the checks of trusted verification share."""

from __future__ import annotations

from dengbao.model import Criterion
from dengbao.probes.host.system_facts import HostBoot

from .hosts import ask

BOOT = "host.boot"


def root_of_trust(boot: HostBoot) -> Criterion:
    """Return whether there is a TPM or TCM."""
    seen = {
        True: f"有可信根（{boot.trust_chip_version}）",
        False: "未见可信根（TPM、TCM）",
        None: "可信根（TPM、TCM）未能查看",
    }[boot.trust_chip]
    return ask("root_of_trust", "是否有可信根", boot.trust_chip, seen, BOOT, decisive=True)


def verified_boot(boot: HostBoot) -> Criterion:
    """Return whether firmware refuses boot programs without a valid signature."""
    firmware = {"uefi": "UEFI", "bios": "传统 BIOS"}.get(boot.firmware, "固件类型未知")
    state = {True: "安全启动已开启", False: "安全启动未开启", None: "安全启动状态未能查看"}[boot.secure_boot]
    return ask("verified_boot", "是否验证系统引导程序", boot.secure_boot, f"{firmware}，{state}", BOOT)


def appraises(boot: HostBoot) -> bool:
    """Tell whether IMA is known to refuse what does not match: it enforces, and has rules to do so."""
    return bool(boot.ima and boot.ima_appraise.startswith("enforce") and boot.ima_appraises)


def measured_programs(boot: HostBoot) -> Criterion:
    """Return whether the kernel measures system programs."""
    if boot.ima is None:
        return ask("measured", "是否度量系统程序", None, "内核度量（IMA）状态未能查看", BOOT)
    if not boot.ima:
        return ask("measured", "是否度量系统程序", False, "内核度量（IMA）未启用", BOOT)
    count = boot.ima_measurements
    met = None if count is None else count > 1
    seen = "内核度量（IMA）已启用，" + ("度量记录未能查看" if count is None else f"度量记录 {count} 条")
    return ask("measured", "是否度量系统程序", met, seen, BOOT)
