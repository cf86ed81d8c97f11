"""Parsers on recorded transcripts: openEuler (rpm, system-auth), Debian (dpkg, common-auth), busybox."""

from __future__ import annotations

from datetime import datetime

import pytest

from dengbao.errors import NotSupported, Reason
from dengbao.probes.base import Observed
from dengbao.probes.host.facts import (
    HostAccounts,
    HostAudit,
    HostFiles,
    HostIdentity,
    HostLogins,
    HostLogs,
    HostMemory,
    HostPam,
    HostPasswords,
    HostPolicy,
    HostSshd,
    HostSyslog,
)
from dengbao.probes.host.frames import Section, Transcript
from dengbao.probes.host.parse_system import read_identity
from dengbao.probes.host.system_facts import (
    HostBoot,
    HostFirewall,
    HostListening,
    HostMac,
    HostPackages,
    HostPrivilege,
    HostProcesses,
    HostServices,
)

from .samples import fact, lack, read


@pytest.fixture(scope="module")
def euler() -> Observed:
    """Return what is seen of an openEuler host as root."""
    return read("openeuler")


@pytest.fixture(scope="module")
def debian() -> Observed:
    """Return what is seen of a Debian host as root."""
    return read("debian")


@pytest.fixture(scope="module")
def busybox() -> Observed:
    """Return what an ordinary user sees of an Alpine host, until the connection is cut."""
    return read("busybox")


def test_openeuler_brings_everything(euler: Observed) -> None:
    assert euler.missing == ()
    identity = fact(euler, HostIdentity)
    assert (identity.distribution, identity.version, identity.privilege) == ("openEuler", "22.03", "root")


def test_accounts_with_groups_and_keys(euler: Observed) -> None:
    accounts = fact(euler, HostAccounts)
    his = next(one for one in accounts.accounts if one.name == "his")
    assert his.groups == ("his", "wheel")
    assert [one.authorized_keys for one in accounts.accounts] == [False, None, None, False, True]
    # sssd does not run, so the sss source answers nothing
    assert accounts.directories == ()
    assert [one.name for one in accounts.accounts if one.can_log_in] == ["root", "his", "audit1"]


def test_directories_and_malformed_lines(debian: Observed, busybox: Observed) -> None:
    assert fact(debian, HostAccounts).directories == ("ldap",)
    assert fact(busybox, HostAccounts).malformed_lines == 1
    # an empty shell field means /bin/sh
    assert next(one for one in fact(busybox, HostAccounts).accounts if one.name == "open").can_log_in


def test_password_states(euler: Observed, debian: Observed) -> None:
    states = {one.account: (one.state, one.scheme) for one in fact(euler, HostPasswords).entries}
    assert states == {
        "root": ("set", "sm3"), "bin": ("locked", ""), "sync": ("locked", ""), "his": ("set", "6"),
        "audit1": ("locked", ""),
    }  # fmt: skip
    his = next(one for one in fact(euler, HostPasswords).entries if one.account == "his")
    assert (his.last_change_day, his.max_days, his.inactive_days, his.expires_day) == (20300, 90, 35, 20500)
    root, ops = fact(debian, HostPasswords).entries
    assert (root.state, root.scheme) == ("locked", "y")
    # of two shadow lines the first counts
    assert (ops.scheme, ops.last_change_day, ops.max_days) == ("y", None, -1)


def test_shadow_that_may_not_be_read_is_no_permission(busybox: Observed) -> None:
    found = lack(busybox, HostPasswords)
    assert found.reason is Reason.NO_PERMISSION
    assert "/etc/shadow" in found.message


def test_last_logins(euler: Observed, busybox: Observed) -> None:
    logins = {one.account: one.at_s for one in fact(euler, HostLogins).entries}
    assert logins["root"] == int(datetime.fromisoformat("2025-10-31T09:12:44+08:00").timestamp())
    assert logins["bin"] is None
    assert lack(busybox, HostLogins).reason is Reason.ENGINE_MISSING


def test_substacks_are_resolved_with_their_level(euler: Observed) -> None:
    pam = fact(euler, HostPam)
    stack = pam.stack("login", "auth")
    assert stack is not None
    assert [one.module for one in stack] == [
        "pam_env.so", "pam_faillock.so", "pam_unix.so", "pam_faillock.so", "pam_faillock.so", "pam_deny.so",
    ]  # fmt: skip
    # pam_fprintd is not installed and its rule begins with "-"
    assert {one.level for one in stack} == {1}
    quality = (pam.stack("passwd", "password") or ())[0]
    # the continued line is one rule
    assert (quality.module, quality.args[-1]) == ("pam_pwquality.so", "retry=3")


def test_a_service_with_a_missing_include_is_unknown(euler: Observed) -> None:
    pam = fact(euler, HostPam)
    assert next(one for one in pam.services if one.name == "sshd").unresolved == ("no-such-file",)
    assert pam.stack("sshd", "auth") is None
    assert pam.stack("login", "auth") is not None


def test_included_common_files(debian: Observed) -> None:
    pam = fact(debian, HostPam)
    stack = pam.stack("sshd", "auth")
    assert stack is not None
    first = stack[0]
    assert (first.control, first.args) == ("[success=1 default=ignore]", ("nullok_secure",))
    assert [one.module for one in stack] == ["pam_unix.so", "pam_deny.so", "pam_permit.so"]
    quality = (pam.stack("sshd", "password") or ())[0]
    assert (quality.module, quality.present) == ("pam_pwquality.so", False)
    assert "sshd.dpkg-old" not in [one.name for one in pam.services]


def test_module_settings(euler: Observed, debian: Observed) -> None:
    # the folder first, then the main file; later lines win; comments do not count
    assert fact(euler, HostPam).pwquality == {"minlen": "9", "dcredit": "-1"}
    assert fact(euler, HostPam).faillock == {}
    assert fact(debian, HostPam).pwquality is None
    assert fact(debian, HostPam).faillock == {"even_deny_root": ""}


def test_policy_of_a_login_shell(euler: Observed, busybox: Observed) -> None:
    policy = fact(euler, HostPolicy)
    # the later line of login.defs wins
    assert (policy.login_defs or {})["PASS_MAX_DAYS"] == "90"
    assert (policy.shell, policy.tmout_s, policy.tmout_readonly) == ("bash", 300, False)
    assert [one.text for one in policy.tmout_lines] == ["export TMOUT=300"]
    assert (policy.umask, policy.new_account_inactive_days) == ("0077", 35)
    stopped = fact(busybox, HostPolicy)
    assert (stopped.shell, stopped.umask, stopped.sh) == ("", "", "busybox")


def test_sshd_options_and_matches(euler: Observed, busybox: Observed) -> None:
    sshd = fact(euler, HostSshd)
    # -o on the command line goes before every file
    assert (sshd.value("permitrootlogin"), sshd.value("ciphers")) == ("no", "aes256-ctr")
    assert (sshd.options or {})["allowusers"] == ("his@10.0.8.0/24", "audit1@10.0.8.0/24")
    conditions = [(one.condition, one.options) for one in sshd.matches or ()]
    assert conditions[0] == (
        "User his Address 10.0.8.0/24", ("passwordauthentication no", "authenticationmethods publickey"),
    )  # fmt: skip
    assert conditions[1][0] == "all"
    assert (sshd.running, sshd.changed_after_start) == (True, False)
    assert lack(busybox, HostSshd).reason is Reason.NO_PERMISSION


def test_audit(euler: Observed, busybox: Observed) -> None:
    audit = fact(euler, HostAudit)
    assert (audit.installed, audit.daemon_user, audit.enabled) == (True, "root", 1)
    assert audit.loaded_rules == ("-w /etc/passwd -p wa -k identity", "-a never,task")
    assert [one.type for one in audit.records or ()] == ["USER_LOGIN", "SYSCALL"]
    assert "res" in (audit.records or ())[0].fields
    assert not fact(busybox, HostAudit).installed


def test_forwarding_without_comments(euler: Observed) -> None:
    syslog = fact(euler, HostSyslog)
    assert [(one.by, one.target, one.selector) for one in syslog.forwarding] == [
        ("rsyslogd", "10.0.9.9:514", "*.*"), ("rsyslogd", "10.0.9.10", ""), ("auditd", "10.0.9.8", ""),
    ]  # fmt: skip
    assert syslog.daemons == ("rsyslogd",)


def test_log_files_and_rotation(euler: Observed, debian: Observed) -> None:
    logs = fact(euler, HostLogs)
    assert [one.mode for one in logs.folders] == ["755", "700"]
    rules = [(one.paths[-1], one.period_days, one.keep, one.max_age_days) for one in logs.rotations or ()]
    assert rules == [("/var/log/secure", 7, 30, 365), ("/var/log/his/*.log", 1, 10, None)]
    assert lack(debian, HostLogs).reason is Reason.PROTOCOL
    assert "截断" in lack(debian, HostLogs).message


def test_rights(euler: Observed) -> None:
    files = fact(euler, HostFiles)
    assert [(one.path, one.mode) for one in files.files] == [("/etc/passwd", "644"), ("/etc/shadow", "0")]
    assert files.absent == ("/etc/crontab",)


def test_services_and_shares(euler: Observed, busybox: Observed) -> None:
    services = fact(euler, HostServices)
    assert services.active == ("auditd.service", "sshd.service")
    assert services.enabled == ("auditd.service", "sshd.service")
    assert services.inetd == ("telnet",)
    assert [one.text for one in services.shares] == ["/data 10.0.8.0/24(rw)"]
    assert fact(busybox, HostServices).active == ("sshd",)


def test_processes_and_what_hides_them(euler: Observed, busybox: Observed) -> None:
    processes = fact(euler, HostProcesses)
    assert [one.user for one in processes.named("java")] == ["his"]
    # hidepid hides nothing from root
    assert processes.complete
    assert not fact(busybox, HostProcesses).complete


def test_kernel_cuts_process_names(debian: Observed) -> None:
    assert len(fact(debian, HostProcesses).named("systemd-journald")) == 1


def test_listening_sockets(euler: Observed) -> None:
    found = [
        (one.protocol, one.address, one.port, one.process) for one in fact(euler, HostListening).listeners
    ]
    assert found == [
        ("tcp", "0.0.0.0", 22, "sshd"), ("tcp", "::", 22, "sshd"), ("tcp", "127.0.0.1", 8080, "java"),
        ("tcp", "10.0.8.15", 8081, ""), ("udp", "0.0.0.0", 514, ""),
    ]  # fmt: skip
    assert [one.reachable for one in fact(euler, HostListening).listeners] == [True, True, False, True, True]


def test_packages_and_updates(euler: Observed, debian: Observed, busybox: Observed) -> None:
    packages = fact(debian, HostPackages)
    # removed packages that left their settings behind are not installed
    assert [one.name for one in packages.packages] == ["openssl", "linux-image-amd64"]
    assert packages.pending == ("openssl", "tzdata")
    assert packages.pending_security == ("openssl",)
    rpm = fact(euler, HostPackages)
    assert (rpm.manager, rpm.pending, rpm.changed_at_s) == ("rpm", None, 1761000000)
    assert fact(busybox, HostPackages).manager == "apk"


def test_mandatory_access_control(euler: Observed, debian: Observed) -> None:
    mac = fact(euler, HostMac)
    assert (mac.selinux, mac.selinux_configured, mac.selinux_policy) == ("enforcing", "enforcing", "targeted")
    # a stat that knows no labels prints "C"
    assert [one.subject for one in mac.labels or ()] == ["/etc/shadow", "process:sshd"]
    other = fact(debian, HostMac)
    assert (other.selinux, other.apparmor, other.apparmor_enforced, other.apparmor_complaining) == (
        "disabled", True, 2, 1,
    )  # fmt: skip


def test_boot(euler: Observed) -> None:
    boot = fact(euler, HostBoot)
    assert (boot.firmware, boot.secure_boot, boot.trust_chip, boot.ima) == ("uefi", True, True, True)
    assert (boot.ima_appraise, boot.ima_measurements) == ("log", 1842)
    assert [(one.name, one.database, one.scheduled) for one in boot.tools] == [("aide", False, None)]


def test_memory(euler: Observed, debian: Observed, busybox: Observed) -> None:
    memory = fact(euler, HostMemory)
    # what lies below LVM is not known; dm-crypt is
    assert [one.encrypted for one in memory.swaps or ()] == [None, True]
    assert (memory.core_limit, memory.coredump_storage, memory.cleared_on_free) == ("0", "none", True)
    assert [one.encrypted for one in fact(debian, HostMemory).swaps or ()] == [None, False]
    assert [one.encrypted for one in fact(busybox, HostMemory).swaps or ()] == [True]


def test_firewalld_jumps_are_followed(euler: Observed) -> None:
    (chain,) = fact(euler, HostFirewall).chains or ()
    rules = [(one.action, one.ports, one.sources, one.certain) for one in chain.rules]
    assert rules == [
        ("accept", (), ("10.0.8.0/24",), True), ("accept", ("80", "443"), (), True), ("drop", (), (), True),
    ]  # fmt: skip
    assert fact(euler, HostFirewall).hosts_allow == ("sshd: 10.0.8. 10.0.9.",)


def test_iptables(debian: Observed, busybox: Observed) -> None:
    firewall = fact(debian, HostFirewall)
    (chain,) = firewall.chains or ()
    assert (chain.family, chain.policy) == ("ip", "drop")
    first, second = chain.rules
    assert (first.ports, first.sources, first.certain) == (("22",), ("10.0.8.0/24",), True)
    assert (second.action, second.ports, second.excepted) == ("drop", ("8000-8010", "443"), ("10.0.0.0/8",))
    assert (firewall.ipv6_global, firewall.sshd_uses_wrappers) == (True, True)
    assert lack(busybox, HostFirewall).reason is Reason.NO_PERMISSION


def test_sudoers(euler: Observed, busybox: Observed) -> None:
    privilege = fact(euler, HostPrivilege)
    rules = [(one.who, one.commands, one.run_as, one.no_password) for one in privilege.rules]
    reload = ("/usr/bin/systemctl restart nginx", "/usr/bin/systemctl reload nginx")
    assert rules == [
        (("root",), ("ALL",), ("ALL",), False), (("his", "%ops"), reload, ("root",), True),
        (("his", "%ops"), ("/usr/bin/journalctl",), ("root",), False),
        (("%wheel",), ("ALL",), ("ALL",), False),
        (("#1001",), ("/usr/sbin/ausearch",), (), False), (("audit1",), ("/usr/bin/psql",), ("his",), False),
        (("audit1",), ("/usr/bin/less",), ("root",), False),
    ]  # fmt: skip
    # sudo reads no file of the folder whose name holds a dot
    assert privilege.unread == ("/etc/sudoers.site",)
    assert not fact(busybox, HostPrivilege).installed


def test_what_never_came_is_unreachable(busybox: Observed) -> None:
    assert lack(busybox, HostFiles).reason is Reason.UNREACHABLE
    assert lack(busybox, HostBoot).reason is Reason.UNREACHABLE


def test_another_system_is_not_supported() -> None:
    section = Section("system", b"uname Darwin 22.1.0 arm64\nuid 0\n", limit=100, nonce="N")
    with pytest.raises(NotSupported, match="Darwin"):
        read_identity(Transcript({"system": section}, done=True))
