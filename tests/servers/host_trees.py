"""Two prepared hosts: one hardened as 附件三 asks, one as careless as they come."""

from __future__ import annotations

import os
import shutil
import struct
import time
from pathlib import Path

from . import host_people
from .sshd import Prepared

PASSWORD = "Correct-Horse-9"
_HASH = "$6$fixture1$MNcwPe0g2oi0xODB600t2whDq0jtF8sS5WGusMfU8xhCfVkrFslEFDk0G6vsvy633u7okBNS41xPCCbOz7sH6."
WEAK_PASSWORD = "Weak-Horse-1"
_WEAK_HASH = "$1$fixture1$lGVNtSOY067apF4YFXqL8/"
_DAY_S = 86400
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_SHADOW_GROUP = 42


def today() -> int:
    """Return today as shadow(5) counts."""
    return int(time.time()) // _DAY_S


def common(host: Prepared) -> None:
    """Write what every host has and no check asks about."""
    for name in ("ld.so.cache", "ld.so.conf"):
        shutil.copy(f"/etc/{name}", host.folder("etc") / name)
    for link in filter(Path.is_symlink, Path("/etc/alternatives").iterdir()):
        place = host.folder("etc/alternatives") / link.name
        place.symlink_to(link.readlink())
    host.file("etc/os-release", 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    host.file("etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\nshadow: files\n")
    host.file("etc/hosts", "127.0.0.1 localhost prepared-host\n")
    host.file("etc/environment", "")
    host.file("etc/shells", "/bin/sh\n/bin/bash\n")
    host.file("etc/default/useradd", "SHELL=/bin/bash\n")
    host.file("etc/crontab", "17 * * * * root true\n")
    host.file("etc/pam.d/other", "auth required pam_deny.so\naccount required pam_deny.so\n")
    host.file("etc/security/limits.conf", "")
    host.file("etc/pam.d/common-account", "account required pam_unix.so\n")
    host.file("etc/pam.d/passwd", "@include common-password\n")
    host.file(
        "etc/pam.d/sudo",
        "auth include common-auth\naccount include common-account\nsession required pam_permit.so\n",
    )
    host.folder("run/sshd")
    host.folder("run/faillock")
    host.folder("run/lock")
    host.folder("var/spool")
    host.folder("var/log", 0o755)
    host.file("var/lib/dpkg/available", "")
    host.file("var/lib/dpkg/info/openssh-server.list", "/.\n/usr/sbin/sshd\n")
    host.folder("var/lib/dpkg/updates")
    host.folder("var/lib/apt/lists/partial")
    host.file("etc/apt/sources.list", "deb http://security.test/debian-security bookworm-security main\n")


def accounts(host: Prepared, people: dict[str, tuple[int, str, str]], extra: str = "") -> None:
    """Write account files; `people` maps names to uid, shell and shadow line after the name."""
    system = {"daemon": 1, "bin": 2, "mail": 8, "mysql": 27, "sshd": 104, "nobody": 65534}
    passwd = ["root:x:0:0:root:/home/root:/bin/bash"]
    passwd += [f"{name}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin" for name, uid in system.items()]
    passwd += [
        f"{name}:x:{uid}:{uid}::/home/{name}:{shell}" for name, (uid, shell, _) in people.items() if uid
    ]
    shadow = [f"{name}:*:{today() - 400}:0:99999:7:::" for name in system]
    shadow += [f"{name}:{line}" for name, (_, _, line) in people.items()]
    groups = ["root:x:0:", "shadow:x:42:", "sudo:x:27777:"]
    groups += [f"{name}:x:{uid}:" for name, uid in system.items()]
    groups += [f"{name}:x:{uid}:" for name, (uid, _, _) in people.items() if uid]
    host.file("etc/passwd", "\n".join(passwd) + "\n" + extra)
    host.file("etc/shadow", "\n".join(shadow) + "\n", 0o640, (0, _SHADOW_GROUP))
    host.file("etc/group", "\n".join(groups) + "\n")
    host.file("etc/gshadow", "", 0o640, (0, _SHADOW_GROUP))
    for name, (uid, _, _) in people.items():
        host.folder(f"home/{name}", 0o750, (uid, uid))
    host.folder("home/root", 0o700)


def authorize(host: Prepared, name: str, uid: int, public_key: str) -> None:
    """Let a key log in."""
    host.folder(f"home/{name}/.ssh", 0o700, (uid, uid))
    host.file(f"home/{name}/.ssh/authorized_keys", public_key, 0o600, (uid, uid))


def lastlog(host: Prepared, logins: dict[int, int]) -> None:
    """Write the record of last logins: uid → days ago."""
    size = 292
    data = bytearray(size * (max(logins) + 1))
    for uid, days in logins.items():
        at = int(time.time()) - days * _DAY_S
        data[uid * size : (uid + 1) * size] = struct.pack("<i32s256s", at, b"pts/0", b"10.0.8.15")
    host.file("var/log/lastlog", bytes(data), 0o644)


def _packages(host: Prepared, installed: dict[str, str], offered: dict[str, str], index_days: int) -> None:
    """Write the state of dpkg and apt's index of a security archive."""
    body = "Maintainer: Test <test@his.test>\nArchitecture: amd64\nDescription: test\n"
    host.file(
        "var/lib/dpkg/status",
        "".join(
            f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n{body}\n"
            for name, version in installed.items()
        ),
    )
    prefix = "var/lib/apt/lists/security.test_debian-security_dists_bookworm-security_"
    release = host.file(
        f"{prefix}InRelease",
        "Origin: Debian\nLabel: Debian-Security\nSuite: stable-security\nCodename: bookworm-security\n"
        "Version: 12\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nArchitectures: amd64\nComponents: main\n",
    )
    packages = host.file(
        f"{prefix}main_binary-amd64_Packages",
        "".join(
            f"Package: {name}\nVersion: {version}\nFilename: pool/{name}.deb\nSize: 1\n{body}"
            f"SHA256: {'0' * 64}\n\n"
            for name, version in offered.items()
        ),
    )
    at = time.time() - index_days * _DAY_S
    for one in (release, packages):
        os.utime(one, (at, at))


def hardened(host: Prepared) -> None:
    """Prepare a host on which every check has what it asks for."""
    common(host)
    host.init = "systemd"
    good = f"{_HASH}:{today() - 20}:1:90:7:30::"
    accounts(
        host,
        {
            "root": (0, "/bin/bash", good),
            "sysadm": (1001, "/bin/bash", good),
            "secadm": (1002, "/bin/bash", good),
            "auditadm": (1003, "/bin/bash", good),
            "inspector": (1004, "/bin/bash", good),
            "viewer": (1005, "/bin/bash", good),
            "keeper": (1007, "/bin/bash", good),
            "leaver": (1006, "/bin/bash", f"!{_HASH}:{today() - 300}:1:90:7:30::"),
        },
    )
    lastlog(host, {0: 200, 1001: 3, 1002: 10, 1003: 12, 1004: 1, 1005: 2, 1006: 250, 1007: 4})
    host_people.installed(host, 300)
    host_people.tidy(host)
    _hardened_login(host)
    _hardened_audit(host)
    _hardened_system(host)
    _packages(
        host,
        {"base-files": "12.4", "openssh-server": "1:9.2p1-2", "openssl": "3.0.17-1", "aide": "0.18.3-1"},
        {"openssl": "3.0.17-1"},
        index_days=2,
    )


def _hardened_login(host: Prepared) -> None:
    host.file(
        "etc/ssh/sshd_config",
        "HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM yes\nPermitRootLogin no\nPermitEmptyPasswords no\n"
        "AuthenticationMethods publickey,password\nMaxAuthTries 4\nStrictModes yes\n"
        "AllowUsers sysadm@10.0.8.0/24 secadm@10.0.8.0/24 auditadm@10.0.8.0/24 inspector@127.0.0.0/8 "
        "viewer@127.0.0.0/8 keeper@127.0.0.0/8\n",
        0o600,
    )
    host.file(
        "etc/pam.d/common-auth",
        "auth required pam_faillock.so preauth\nauth [success=2 default=ignore] pam_unix.so\n"
        "auth [default=die] pam_faillock.so authfail\nauth requisite pam_deny.so\n"
        "auth required pam_permit.so\n",
    )
    for name in ("sshd", "login"):
        host.file(
            f"etc/pam.d/{name}",
            "@include common-auth\naccount required pam_faillock.so\n@include common-account\n"
            "session required pam_loginuid.so\nsession required pam_limits.so\nsession required pam_unix.so\n"
            "@include common-password\n",
        )
    host.file(
        "etc/pam.d/common-password",
        "password requisite pam_pwquality.so retry=3\n"
        "password [success=1 default=ignore] pam_unix.so use_authtok sha512\n"
        "password requisite pam_deny.so\npassword required pam_permit.so\n",
    )
    host.file(
        "etc/security/pwquality.conf",
        "# minlen = 6\nminlen = 10\ndcredit = -1\nucredit = -1\nlcredit = -1\nocredit = -1\n"
        "enforce_for_root\n",
    )
    host.file("etc/security/faillock.conf", "deny = 5\nunlock_time = 900\neven_deny_root\n")
    host.file(
        "etc/login.defs",
        "PASS_MAX_DAYS 90\nPASS_MIN_DAYS 1\nPASS_WARN_AGE 7\nUMASK 027\nENCRYPT_METHOD SHA512\n",
    )
    host.file("etc/profile", f"PATH={_PATH}\numask 027\nreadonly TMOUT=600\nexport TMOUT\n")
    host.file(
        "etc/sudoers",
        "Defaults use_pty\n"
        f"Defaults secure_path={_PATH}\n"
        "Cmnd_Alias SERVICES = /usr/bin/systemctl restart his, /usr/bin/systemctl status his\n"
        "Cmnd_Alias TRAIL = /usr/sbin/ausearch, /usr/sbin/aureport\n"
        "root ALL=(ALL:ALL) ALL\nsysadm ALL=(root) SERVICES\nsecadm ALL=(root) /usr/sbin/nft list ruleset\n"
        "auditadm ALL=(root) TRAIL\n@includedir /etc/sudoers.d\n",
        0o440,
    )
    host.file("etc/sudoers.d/inspector", "inspector ALL=(root) NOPASSWD: /bin/sh, /usr/bin/sh\n", 0o440)
    host.file("etc/sudoers.d/keeper", "keeper ALL=(root) /bin/sh, /usr/bin/sh\n", 0o440)
    host.file("etc/hosts.allow", "# none\n")
    host.file("etc/hosts.deny", "# none\n")
    host.folder("etc/sudoers.d", 0o750)


_RULES = (
    "-w /etc/passwd -p wa -k identity",
    "-w /etc/shadow -p wa -k identity",
    "-w /etc/sudoers -p wa -k privilege",
    "-a always,exit -F arch=b64 -S adjtimex,settimeofday,clock_settime -F key=time",
    "-a always,exit -F arch=b32 -S adjtimex,settimeofday,clock_settime -F key=time",
    "-w /var/log/lastlog -p wa -k logins",
    "-a always,exit -F arch=b64 -S execve -F euid=0 -F auid>=1000 -F auid!=-1 -F key=rootcmd",
    "-a always,exit -F arch=b32 -S execve -F euid=0 -F auid>=1000 -F auid!=-1 -F key=rootcmd",
)
_TRAIL = (
    "type=SYSCALL msg=audit(1700000000.123:101): arch=c000003e syscall=59 success=yes exit=0 uid=0 auid=1001 "
    'comm="systemctl" exe="/usr/bin/systemctl" key="rootcmd"\n'
    'type=PATH msg=audit(1700000000.123:101): item=0 name="/usr/bin/systemctl"\n'
    "type=USER_LOGIN msg=audit(1700000100.456:102): pid=900 uid=0 auid=1001 ses=3 msg='op=login id=1001 "
    'exe="/usr/sbin/sshd" addr=10.0.8.15 terminal=ssh res=success\'\n'
)


def _hardened_audit(host: Prepared) -> None:
    state = "enabled 2\nfailure 1\npid 612\nrate_limit 0\nbacklog_limit 8192\nlost 0\nbacklog 0\n"
    host.instead_of(
        "/usr/sbin/auditctl",
        '#!/bin/sh\n[ "$(id -u)" = 0 ] || { echo "You must be root to run this program." >&2; exit 4; }\n'
        f"case $1 in -s) printf '{state}' ;; -l) cat <<'E'\n" + "\n".join(_RULES) + "\nE\n;; esac\n",
        0o755,
    )
    host.file("etc/audit/auditd.conf", "log_file = /var/log/audit/audit.log\nnum_logs = 5\n", 0o640)
    host.file("etc/audit/rules.d/10.rules", "\n".join(_RULES) + "\n-e 2\n", 0o640)
    host.folder("etc/audit", 0o750)
    host.daemon("auditd")
    host.daemon("rsyslogd")
    host.daemon("wazuh-agentd")
    host.daemon("mariadbd", 27)
    host.file(
        "etc/rsyslog.conf", 'module(load="imuxsock")\nauth,authpriv.* /var/log/auth.log\n*.* @@10.0.9.9:514\n'
    )
    host.file(
        "etc/logrotate.conf",
        "weekly\nrotate 4\n/var/log/auth.log /var/log/syslog {\n  rotate 30\n  compress\n}\n",
    )
    host.folder("var/log/audit", 0o750)
    host.file("var/log/audit/audit.log", _TRAIL, 0o600)
    host.file("var/log/auth.log", "x\n", 0o640)
    host.file("var/log/syslog", "x\n", 0o640)


_RULESET = """table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		ip saddr 10.0.8.0/24 tcp dport 22 accept
		tcp dport { 443 } accept
	}
}
"""


def _hardened_system(host: Prepared) -> None:
    host.file("usr/local/sbin/nft", "#!/bin/sh\ncat <<'E'\n" + _RULESET + "E\n", 0o755)
    host.folder("run/systemd/system")
    host.instead_of(
        "/usr/bin/systemctl",
        "#!/bin/sh\ncase $1 in\nget-default) echo multi-user.target ;;\n"
        "list-units) echo 'ssh.service loaded active running OpenSSH'; "
        "echo 'auditd.service loaded active running Audit'; echo 'cups.service loaded inactive dead -' ;;\n"
        "list-unit-files) echo 'ssh.service enabled -'; echo 'cups.service disabled enabled' ;;\n"
        "stop) echo 'Failed to stop auditd.service: Interactive authentication required.' >&2; exit 1 ;;\n"
        "esac\n",
        0o755,
    )
    host.instead_of("/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
    host.instead_of("/proc/sys/kernel/core_pattern", "core\n")
    host.instead_of("/proc/sys/fs/suid_dumpable", "0\n")
    host.instead_of("/proc/cmdline", "quiet ima_appraise=enforce ima_policy=appraise_tcb init_on_free=1\n")
    host.file("etc/security/limits.d/90-core.conf", "* hard core 0\n")
    _trust(host)
    host.file("etc/aide/aide.conf", "database_in=file:/var/log/aide/aide.db\n")
    host.file("var/lib/aide/aide.db", "baseline\n", 0o600)
    host.file("etc/cron.d/aide", "5 3 * * * root /usr/bin/aide --check\n")
    host.file("etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n")
    host.file("sys/fs/selinux/enforce", "1")
    host.labels = {"sshd": "system_u:system_r:sshd_t:s0-s0:c0.c1023\0"}
    for path, kind in (
        ("etc/passwd", "passwd_file_t"), ("etc/shadow", "shadow_t"), ("etc/group", "passwd_file_t"),
        ("etc/sudoers", "etc_t"), ("etc/ssh/sshd_config", "etc_t"), ("var/log/audit", "auditd_log_t"),
    ):  # fmt: skip
        label = f"system_u:object_r:{kind}:s0\0".encode()
        os.setxattr(host.root / path, "security.selinux", label)


def _trust(host: Prepared) -> None:
    host.file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\x06\0\0\0\x01")
    host.file("sys/class/tpm/tpm0/tpm_version_major", "2\n")
    host.file("sys/kernel/security/ima/policy", "measure func=BPRM_CHECK\nappraise func=BPRM_CHECK\n", 0o440)
    host.file("sys/kernel/security/ima/runtime_measurements_count", "1842\n", 0o440)
    host.folder("sys/module/nf_tables")


def weak(host: Prepared) -> None:
    """Prepare a host on which every check that can fail fails."""
    common(host)
    bad = f"{_WEAK_HASH}:{today() - 400}:0:99999:7:::"
    accounts(
        host,
        {
            "root": (0, "/bin/bash", bad),
            "operator1": (1001, "/bin/bash", bad),
            "trainee": (1002, "/bin/bash", ":19000:0:99999:7:::"),
            "oldstaff": (1003, "/bin/bash", bad),
            "guest": (998, "/bin/bash", bad),
            "toor": (0, "/bin/bash", bad),
        },
        extra="toor:x:0:0::/home/root:/bin/bash\n",
    )
    lastlog(host, {0: 1, 1001: 5, 1002: 400, 1003: 500, 998: 200})
    host.file(
        "etc/ssh/sshd_config",
        "HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM yes\nPermitRootLogin yes\nPermitEmptyPasswords yes\n"
        "Ciphers aes128-ctr,aes128-cbc,3des-cbc\n",
    )
    host.file("etc/pam.d/common-auth", "auth sufficient pam_unix.so nullok\nauth required pam_permit.so\n")
    for name in ("sshd", "login"):
        host.file(
            f"etc/pam.d/{name}",
            "auth include common-auth\naccount include common-account\nsession required pam_unix.so\n",
        )
    host.file("etc/pam.d/common-password", "password required pam_unix.so nullok md5\n")
    host.file("etc/login.defs", "PASS_MAX_DAYS 99999\nUMASK 022\nENCRYPT_METHOD MD5\n")
    host.file("etc/profile", f"PATH={_PATH}\numask 022\n# TMOUT=600\n")
    host.file("etc/sudoers", "root ALL=(ALL) ALL\nALL ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    host_people.installed(host, 300)
    host_people.careless(host)
    _weak_system(host)
    _packages(
        host,
        {"base-files": "12.4", "openssl": "3.0.1-1", "telnetd": "0.17-44", "gcc": "12.2", "fail2ban": "1.0"},
        {"openssl": "3.0.17-1"},
        index_days=2,
    )


def _weak_system(host: Prepared) -> None:
    host.instead_of("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 2097148 0 -2\n")
    host.instead_of("/proc/sys/kernel/core_pattern", "core\n")
    host.instead_of("/proc/sys/fs/suid_dumpable", "1\n")
    host.instead_of("/proc/cmdline", "quiet\n")
    for one in ("firmware", "class", "kernel/security", "module"):
        host.folder(f"sys/{one}")
    host.file("etc/aide/aide.conf", "")
    host.file("etc/passwd-", "", 0o600)
    host.file("etc/exports", "/data *(rw,no_root_squash)\n")
    host.listeners.append(("in.telnetd", 23))
    host.daemon("mysqld")
    host.folder("var/log/audit", 0o777)
    host.file("var/log/audit/audit.log", "type=DAEMON_START msg=audit(1700000000.1:1): op=start\n", 0o666)
    host.file("var/log/auth.log", "x\n", 0o666)
    host.file("etc/logrotate.conf", "weekly\nrotate 4\n/var/log/auth.log {\n  missingok\n}\n")
    (host.root / "etc/shadow").chmod(0o644)
    (host.root / "etc/passwd").chmod(0o666)
    host.file(
        "usr/local/sbin/auditctl",
        "#!/bin/sh\ncase $1 in -s) printf 'enabled 0\\npid 0\\n' ;; -l) echo 'No rules' ;; esac\n",
        0o755,
    )
