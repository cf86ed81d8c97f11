"""Reads identity, packages, mandatory access control, boot trust and memory."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...errors import NotSupported, ProbeError, ProtocolMismatch
from .facts import HostIdentity, HostMemory, Swap
from .frames import Files, Section, Transcript
from .parse_accounts import clock_s
from .parse_processes import read_processes
from .parse_updateinfo import advised_at_s, rpm_security
from .system_facts import HostBoot, HostMac, HostPackages, IntegrityTool, Label, Package

_SECURITY_ORIGIN = re.compile(r"security", re.IGNORECASE)


def read_identity(transcript: Transcript) -> HostIdentity:
    """Return which system answered.

    Raises:
        NotSupported: it is not Linux.

    """
    section = transcript.section("system")
    words = dict(line.partition(" ")[::2] for line in section.text.splitlines() if " " in line)
    uname = words.get("uname", "").split()
    if uname[:1] != ["Linux"]:
        raise NotSupported(f"不是 Linux 系统（{' '.join(uname[:1]) or '未知'}）", cure="以人工佐证补充")
    release = _os_release(transcript.files("system"))
    uid = words.get("uid", "")
    return HostIdentity(
        system=uname[0], kernel=" ".join(uname[1:2]), machine=" ".join(uname[2:3]),
        distribution=release.get("ID", ""), version=release.get("VERSION_ID", ""),
        title=release.get("PRETTY_NAME", ""), init=words.get("init", ""), user=words.get("user", ""),
        privilege="root" if uid == "0" else "user", clock_s=clock_s(transcript),
    )  # fmt: skip


def _os_release(files: Files) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        one = files.get(path)
        for line in one.lines if one is not None and not found else ():
            key, equals, value = line.partition("=")
            if equals and not line.startswith("#"):
                found[key.strip()] = value.strip().strip("\"'")
    return found


def read_packages(transcript: Transcript) -> HostPackages:
    """Return installed packages and pending updates by local data.

    Raises:
        ProtocolMismatch: no known package manager, or it did not answer.

    """
    section = transcript.section("packages")
    manager = section.mark("manager") or ""
    rows = [line.split() for line in section.text.splitlines() if re.match(r"[ihu][a-zA-Z]+ ", line)]
    packages = tuple(_package(row, manager) for row in rows if len(row) > 2 and row[0][1] == "i")
    if not packages:
        raise ProtocolMismatch("主机未能列出软件包（无 dpkg、rpm、apk 或未应答）", cure="该部分改由人工核查")
    changed = [int(row[3]) for row in rows if manager == "rpm" and len(row) > 3 and row[3].isdecimal()]
    updates = transcript.optional("updates")
    pending = _pending(updates) if updates is not None and manager == "dpkg" else None
    if updates is None:
        security = None
    else:
        security = rpm_security(updates, packages) if manager == "rpm" else _security(updates, pending)
    return HostPackages(
        manager=manager, packages=packages, clock_s=clock_s(transcript),
        pending=tuple(name for name, _ in pending) if pending is not None else None,
        pending_security=security,
        index_at_s=_index_at_s(updates) or (advised_at_s(updates) if updates is not None else None),
        changed_at_s=max(changed, default=None) or _number(updates, "changed"),
    )  # fmt: skip


def _package(row: list[str], manager: str) -> Package:
    """Return the package of a row: state, name, version, then what the manager tells of its source."""
    name, version, *rest = row[1:]
    if manager == "rpm" and len(rest) >= 3 and rest[1].isdecimal() and rest[2].endswith(".src.rpm"):
        built_from = rest[2].removesuffix(".src.rpm").rsplit("-", 2)
        if len(built_from) == 3:
            return Package(
                name=name, version=version, epoch=int(rest[1]),
                source=built_from[0], source_version="-".join(built_from[1:]),
            )  # fmt: skip
    if manager == "dpkg" and len(rest) >= 2:
        return Package(name=name, version=version, source=rest[0], source_version=rest[1])
    return Package(name=name, version=version)


def _number(section: Section | None, word: str) -> int | None:
    text = (section.mark(word) or "") if section is not None else ""
    return int(text) if text.isdecimal() else None


def _pending(section: Section) -> list[tuple[str, bool]] | None:
    """Return what apt would update, and whether it comes from a security archive; None without an index."""
    if section.mark("simulated") != "0" or not _number(section, "index"):
        return None
    found: list[tuple[str, bool]] = []
    for line in section.text.splitlines():
        row = re.match(r"Inst (\S+) \[[^\]]*\] \((\S+) (.*)\)", line)
        if row:
            found.append((row.group(1), _SECURITY_ORIGIN.search(row.group(3)) is not None))
    return found


def _index_at_s(section: Section | None) -> int | None:
    """Return when the index was made: that of the security archive, where there is one."""
    marks = section.marks("security") if section is not None else ()
    return (
        max((int(one) for one in marks if one.isdecimal()), default=None) or _number(section, "index") or None
    )


def _security(section: Section, pending: list[tuple[str, bool]] | None) -> tuple[str, ...] | None:
    """Return the pending security updates; an index without a security archive cannot say there are none."""
    found = tuple(name for name, safe in pending or () if safe)
    return found if pending is not None and (found or section.marks("security")) else None


def read_mac(transcript: Transcript) -> HostMac:
    """Return the state of SELinux, AppArmor and KySec, and labels of key files."""
    section = transcript.section("mac")
    state = section.mark("selinux") or ""
    config: dict[str, str] = {}
    found = transcript.files("mac").get("/etc/selinux/config")
    for line in found.lines if found is not None else ():
        key, equals, value = line.split("#", 1)[0].partition("=")
        if equals:
            config[key.strip()] = value.strip().lower()
    profiles = section.marks("profile")
    # A stat that knows no labels (busybox) prints something without colons.
    labels = tuple(
        _label(one) for one in section.marks("label") if one.count(":") > 1 or one.startswith("? process:")
    )
    return HostMac(
        selinux={"1": "enforcing", "0": "permissive"}.get(state, state),
        selinux_configured=config.get("SELINUX", ""),
        selinux_policy=config.get("SELINUXTYPE", ""),
        apparmor={"Y": True, "N": False}.get((section.mark("apparmor") or "")[:1]),
        apparmor_enforced=sum("(enforce)" in one for one in profiles) if profiles else None,
        apparmor_complaining=sum("(complain)" in one for one in profiles) if profiles else None,
        labels=labels or None,
        kysec="\n".join(section.marks("kysec"))[:2000],
    )


def _label(text: str) -> Label:
    label, _, subject = text.partition(" ")
    return Label(subject=subject, label="" if label == "?" else label)


def read_boot(transcript: Transcript) -> HostBoot:
    """Return root of trust, secure boot, IMA and integrity tools."""
    section = transcript.section("boot")
    chip = section.mark("chip")
    cmdline = section.mark("cmdline") or ""
    appraise = re.search(r"\bima_appraise=(\S+)", cmdline)
    secure = (section.mark("secureboot") or "").split()
    return HostBoot(
        firmware=section.mark("firmware") or "",
        secure_boot=secure[-1] == "1" if secure else False if section.mark("firmware") == "bios" else None,
        trust_chip=True if chip else False if section.mark("nochip") is not None else None,
        trust_chip_version=" ".join((chip or "").split()),
        ima={"yes": True, "no": False}.get(section.mark("ima") or ""),
        ima_rules=_number(section, "rules"),
        ima_measurements=_number(section, "measurements"),
        ima_appraise=appraise.group(1) if appraise else "",
        ima_appraises=_appraises(section, cmdline),
        fapolicyd=_runs(transcript, "fapolicyd"),
        tools=tuple(_tools(transcript.section("integrity"))),
    )


def _runs(transcript: Transcript, name: str) -> bool | None:
    """Tell whether a process of that name runs, None where not all processes could be seen."""
    try:
        running = read_processes(transcript)
    except ProbeError:
        return None
    return True if running.named(name) else False if running.complete else None


def _appraises(section: Section, cmdline: str) -> bool | None:
    """Tell whether a rule of the IMA policy verifies; `ima_appraise=enforce` alone verifies nothing."""
    if re.search(r"\bima_policy=\S*(?:appraise_tcb|secure_boot)|\bima_appraise_tcb\b", cmdline):
        return True
    count = _number(section, "appraises")
    return count > 0 if count is not None else None


def _tools(section: Section) -> Iterator[IntegrityTool]:
    meaning = {"yes": True, "no": False}
    for one in section.marks("tool"):
        words = one.split()
        if len(words) in (3, 4):
            yield IntegrityTool(
                name=words[0], database=meaning.get(words[1]), scheduled=meaning.get(words[2]),
                report_at_s=int(words[3]) if words[3:] and words[3].isdecimal() else None,
            )  # fmt: skip


def read_memory(transcript: Transcript) -> HostMemory:
    """Return swap devices, core dump settings and page clearing."""
    section = transcript.section("memory")
    files = transcript.files("memory")
    boot = transcript.optional("boot")
    return HostMemory(
        swaps=_swaps(section, files),
        core_pattern=section.mark("core_pattern"),
        suid_dumpable=_number(section, "suid_dumpable"),
        core_limit=_core_limit(files),
        coredump_storage=_storage(files),
        cleared_on_free=_cleared(boot) if boot is not None else None,
    )


def _swaps(section: Section, files: Files) -> tuple[Swap, ...] | None:
    table = files.get("/proc/swaps")
    if table is None or table.state != "ok":
        return None
    kinds: dict[str, bool] = {}
    for one in section.marks("dm"):
        words = one.split()
        if len(words) == 3:
            crypt = words[1].upper().startswith("CRYPT")
            kinds[f"/dev/mapper/{words[0]}"] = kinds[f"/dev/{words[2].rsplit('/', 1)[-1]}"] = crypt
    devices = [line.split()[0] for line in table.lines[1:] if line.split()]
    return tuple(Swap(device=one, encrypted=_encrypted(one, kinds)) for one in devices)


def _encrypted(device: str, kinds: dict[str, bool]) -> bool | None:
    """Tell whether a swap is encrypted; zram stays in memory, what lies below a file or LVM is unknown."""
    if device.startswith("/dev/zram"):
        return True
    if device in kinds:
        return True if kinds[device] else None
    return False if re.match(r"/dev/(sd|vd|xvd|nvme|hd|mmcblk)", device) else None


def _core_limit(files: Files) -> str | None:
    """Return the hard limit on core files for everyone, the last line counts; None if nothing says it."""
    found: str | None = None
    for one in files.readable("/etc/security/limits"):
        for raw in one.lines:
            words = raw.partition(":")[2].split()
            if len(words) >= 4 and words[0] == "*" and words[1] in ("hard", "-") and words[2] == "core":
                found = words[3]
    return found


def _storage(files: Files) -> str:
    found = ""
    for one in files.readable("/etc/systemd/coredump"):
        for raw in one.lines:
            key, _, value = raw.partition(":")[2].partition("=")
            found = value.strip().lower() if key.strip() == "Storage" else found
    return found


def _cleared(boot: Section) -> bool | None:
    setting = re.search(r"\binit_on_free=([01])", boot.mark("cmdline") or "")
    if setting:
        return setting.group(1) == "1"
    kernel = boot.mark("kernel")
    return kernel.endswith("=y") if kernel is not None else None
