"""A prepared host as Debian's installer leaves it: nothing hardened, nothing broken."""

from __future__ import annotations

from . import host_people
from .host_trees import _HASH, _packages, accounts, common, lastlog, today
from .sshd import Prepared

INSTALLED_DAYS = 60
_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"


def default(host: Prepared) -> None:
    """Prepare Debian 11 after its installer: a password for root, one user in sudo, sshd, rsyslog."""
    common(host)
    host.init = "systemd"
    host.file("etc/os-release", 'ID=debian\nVERSION_ID="11"\nPRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\n')
    fresh = f"{_HASH}:{today() - INSTALLED_DAYS}:0:99999:7:::"
    accounts(host, {"root": (0, "/bin/bash", fresh), "clerk": (1000, "/bin/bash", fresh)})
    group = host.root / "etc/group"
    text = group.read_text(encoding="ascii").replace("sudo:x:27777:", "sudo:x:27:clerk\nadm:x:4:")
    group.write_text(text, encoding="ascii")
    lastlog(host, {0: 30, 1000: 1})
    host_people.installed(host, INSTALLED_DAYS)
    _login(host)
    _logs(host)
    _system(host)
    _packages(
        host,
        {"base-files": "11.1", "openssh-server": "1:8.4p1-5", "openssl": "1.1.1w-0", "rsyslog": "8.2102.0-2"},
        {"openssl": "1.1.1w-0"},
        index_days=1,
    )


def _login(host: Prepared) -> None:
    host.file(
        "etc/pam.d/common-auth",
        "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n"
        "auth\trequisite\t\t\tpam_deny.so\nauth\trequired\t\t\tpam_permit.so\n",
    )
    host.file(
        "etc/pam.d/common-password",
        "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n"
        "password\trequisite\t\t\tpam_deny.so\npassword\trequired\t\t\tpam_permit.so\n",
    )
    for name in ("sshd", "login"):
        host.file(
            f"etc/pam.d/{name}",
            "@include common-auth\naccount    required     pam_nologin.so\n@include common-account\n"
            "session    required     pam_loginuid.so\nsession    required     pam_limits.so\n"
            "@include common-session\n@include common-password\n",
        )
    host.file(
        "etc/pam.d/common-session",
        "session [default=1]\tpam_permit.so\nsession requisite\tpam_deny.so\n"
        "session required\tpam_permit.so\nsession optional\tpam_umask.so\nsession required\tpam_unix.so\n",
    )
    host.file(
        "etc/ssh/sshd_config",
        "Include /etc/ssh/sshd_config.d/*.conf\n#Port 22\n#PermitRootLogin prohibit-password\n"
        "#PasswordAuthentication yes\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\n"
        "PrintMotd no\nAcceptEnv LANG LC_*\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n",
    )
    host.folder("etc/ssh/sshd_config.d")
    host.file(
        "etc/login.defs",
        "PASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nUMASK\t\t022\nENCRYPT_METHOD YESCRYPT\n",
    )
    host.file(
        "etc/profile",
        f'if [ "$(id -u)" -eq 0 ]; then\n  PATH="/usr/local/sbin:/usr/sbin:/sbin:{_PATH}"\nelse\n'
        f'  PATH="{_PATH}"\nfi\nexport PATH\n',
    )
    host.file(
        "etc/sudoers",
        'Defaults\tenv_reset\nDefaults\tmail_badpass\nDefaults\tsecure_path="/usr/local/sbin:/usr/local/bin:'
        '/usr/sbin:/usr/bin:/sbin:/bin"\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n'
        "@includedir /etc/sudoers.d\n",
        0o440,
    )
    host.folder("etc/sudoers.d", 0o750)


def _logs(host: Prepared) -> None:
    host.daemon("rsyslogd")
    host.file(
        "etc/rsyslog.conf",
        'module(load="imuxsock")\nmodule(load="imklog")\n$FileOwner root\n$FileGroup adm\n'
        "$FileCreateMode 0640\n$IncludeConfig /etc/rsyslog.d/*.conf\nauth,authpriv.*\t\t/var/log/auth.log\n"
        "*.*;auth,authpriv.none\t\t-/var/log/syslog\n",
    )
    host.file("etc/logrotate.conf", "weekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n")
    host.file(
        "etc/logrotate.d/rsyslog",
        "/var/log/syslog\n{\n\trotate 7\n\tdaily\n\tmissingok\n\tnotifempty\n\tcompress\n}\n"
        "/var/log/auth.log\n{\n\trotate 4\n\tweekly\n\tmissingok\n\tnotifempty\n\tcompress\n}\n",
    )
    for name in ("auth.log", "syslog"):
        host.file(f"var/log/{name}", "x\n", 0o640, (0, 4))


def _system(host: Prepared) -> None:
    host.folder("run/systemd/system")
    host.instead_of(
        "/usr/bin/systemctl",
        "#!/bin/sh\ncase $1 in\nget-default) echo graphical.target ;;\n"
        "list-units) echo 'ssh.service loaded active running OpenBSD Secure Shell server'; "
        "echo 'cron.service loaded active running Regular background program processing daemon'; "
        "echo 'rsyslog.service loaded active running System Logging Service' ;;\n"
        "list-unit-files) echo 'ssh.service enabled enabled'; echo 'cron.service enabled enabled'; "
        "echo 'rsyslog.service enabled enabled' ;;\nesac\n",
        0o755,
    )
    host.instead_of("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 998396 0 -2\n")
    host.instead_of("/proc/sys/kernel/core_pattern", "core\n")
    host.instead_of("/proc/sys/fs/suid_dumpable", "0\n")
    host.instead_of("/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz root=UUID=0 ro quiet\n")
    for one in ("firmware", "class", "kernel/security"):
        host.folder(f"sys/{one}")
    host.file("sys/module/apparmor/parameters/enabled", "Y\n")
    host.file("sys/kernel/security/apparmor/profiles", "/usr/bin/man (enforce)\nlsb_release (enforce)\n")
    host.folder("sys/module/nf_tables")
    host.file("usr/local/sbin/nft", "#!/bin/sh\nexit 0\n", 0o755)
    host.instead_of("/usr/sbin/auditctl", "#!/bin/sh\nexit 127\n", 0o644)
