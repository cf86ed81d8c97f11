"""Prepared hosts as other distributions set them up: like RHEL, like openEuler and 麒麟, like 统信.

Only what these systems show is imitated: PAM stacks, sshd, sudoers, package lists; the programs are Debian's.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import host_people
from .host_trees import _HASH, accounts, common, lastlog, today
from .sshd import Prepared

_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_MODULES = Path("/lib/x86_64-linux-gnu/security")


def _rpm_host(host: Prepared, name: str, version: str, title: str, rows: str) -> None:
    """Write what hosts with rpm have in common; `rows` are `name version-release`."""
    common(host)
    host.file("etc/os-release", f'ID="{name}"\nVERSION_ID="{version}"\nPRETTY_NAME="{title}"\n')
    host.file("etc/nsswitch.conf", "passwd: sss files systemd\ngroup: sss files systemd\nshadow: files\n")
    shutil.rmtree(host.root / "var/lib/dpkg")
    listed = "".join(f"ii {row} {(today() - 300) * 86400}\n" for row in rows.splitlines())
    script = f"#!/bin/sh\ncat <<'E'\n{listed}E\n"
    host.file("usr/local/sbin/rpm", script, 0o755)
    if Path("/usr/bin/rpm").exists():  # where somebody installed the real one, it comes first
        host.instead_of("/usr/bin/rpm", script, 0o755)
    host.file("etc/pam.d/postlogin", "session optional pam_umask.so silent\n")
    for service, stack in (("sshd", "password-auth"), ("login", "system-auth")):
        host.file(
            f"etc/pam.d/{service}",
            f"auth       substack     {stack}\nauth       include      postlogin\n"
            f"account    required     pam_nologin.so\naccount    include      {stack}\n"
            f"password   include      {stack}\nsession    required     pam_loginuid.so\n"
            f"session    include      {stack}\nsession    include      postlogin\n",
        )
    host.file("etc/pam.d/passwd", "password substack system-auth\n")
    host.file(
        "etc/pam.d/sudo",
        "auth include system-auth\naccount include system-auth\nsession include system-auth\n",
    )
    for one in ("kernel", "module", "class", "firmware"):
        host.folder(f"sys/{one}")


def _groups(host: Prepared, lines: str) -> None:
    path = host.root / "etc/group"
    path.write_text(path.read_text(encoding="ascii") + lines, encoding="ascii")


_RHEL_STACK = """auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000
auth        required                                     pam_faillock.so preauth silent
auth        sufficient                                   pam_unix.so
auth        required                                     pam_faillock.so authfail
auth        required                                     pam_deny.so
account     required                                     pam_faillock.so
account     required                                     pam_unix.so
password    requisite                                    pam_pwquality.so local_users_only
password    requisite                                    pam_pwhistory.so use_authtok remember=5
password    sufficient                                   pam_unix.so sha512 shadow use_authtok
password    required                                     pam_deny.so
session     required                                     pam_limits.so
session     required                                     pam_unix.so
"""


def rhel(host: Prepared) -> None:
    """Prepare a host like RHEL 9: authselect, most of it right, three things wrong.

    A Match block lets contractors in by password alone; one account never has to change its password;
    TMOUT can be unset. Another Match block speaks of root for an account that is not root: no harm.
    """
    _rpm_host(
        host,
        "rhel",
        "9.4",
        "Red Hat Enterprise Linux 9.4 (Plow)",
        "libpwquality 1.4.4-8.el9\npam 1.5.1-19.el9",
    )
    good = f"{_HASH}:{today() - 20}:1:90:7:30::"
    accounts(
        host,
        {
            "root": (0, "/bin/bash", f"!!:{today() - 300}:0:99999:7:::"),
            "ops": (1001, "/bin/bash", good),
            "auditor": (1002, "/bin/bash", good),
            "fixer": (1003, "/bin/bash", f"{_HASH}:{today() - 20}:0:99999:7:::"),
            "inspector": (1004, "/bin/bash", good),
            "viewer": (1005, "/bin/bash", good),
        },
    )
    _groups(host, "wheel:x:10:ops\ncontractors:x:2000:fixer\n")
    for name in ("shadow", "gshadow"):
        (host.root / "etc" / name).chmod(0)
    lastlog(host, {0: 1, 1001: 1, 1002: 3, 1003: 120, 1004: 1, 1005: 2})
    host_people.installed(host, 300)
    host.file("etc/authselect/authselect.conf", "minimal\nwith-faillock\nwith-pwhistory\n")
    for name in ("system-auth", "password-auth"):
        host.file(f"etc/authselect/{name}", _RHEL_STACK)
        (host.root / "etc/pam.d" / name).symlink_to(f"/etc/authselect/{name}")
    host.file("etc/security/faillock.conf", "# deny = 3\ndeny = 5\nunlock_time = 900\neven_deny_root\n")
    host.file("etc/security/pwquality.conf", "minlen = 8\nminclass = 4\n")
    host.file("etc/login.defs", "PASS_MAX_DAYS 90\nUMASK 022\nENCRYPT_METHOD SHA512\n")
    host.file(
        "etc/profile",
        f"PATH={_PATH}\numask 022\nfor i in /etc/profile.d/*.sh; do . $i; done\nexport HISTSIZE=1000\n",
    )
    host.file("etc/profile.d/tmout.sh", "TMOUT=300\nexport TMOUT\n")
    host.file(
        "etc/ssh/sshd_config",
        "Include /etc/ssh/sshd_config.d/*.conf\nHostKey /etc/ssh/ssh_host_ed25519_key\n"
        "AuthenticationMethods publickey,password\n"
        "Match Group contractors\n  AuthenticationMethods password\n"
        "Match User ops Address 10.0.9.0/24\n  PermitRootLogin yes\n",
        0o600,
    )
    host.file("etc/ssh/sshd_config.d/50-redhat.conf", "PermitRootLogin no\nUsePAM yes\n", 0o600)
    host.file(
        "etc/sudoers",
        "Defaults use_pty, logfile=/var/log/sudo.log\nroot ALL=(ALL) ALL\n%wheel ALL=(ALL) ALL\n"
        "auditor ALL=(root) /usr/sbin/ausearch, /usr/sbin/aureport\n#includedir /etc/sudoers.d\n",
        0o440,
    )
    host.file("etc/sudoers.d/inspector", "inspector ALL=(root) NOPASSWD: /bin/sh, /usr/bin/sh\n", 0o440)
    host.file("etc/pam.d/su", "auth sufficient pam_rootok.so\nauth required pam_wheel.so use_uid\n")


_EULER_LOCK = "audit deny=3 even_deny_root unlock_time=60"
_EULER_STACK = f"""auth        required      pam_env.so
auth        required      pam_faillock.so preauth {_EULER_LOCK}
-auth       sufficient    pam_fprintd.so
auth        sufficient    pam_unix.so nullok try_first_pass
-auth       sufficient    pam_sss.so use_first_pass
auth        [default=die] pam_faillock.so authfail {_EULER_LOCK}
auth        sufficient    pam_faillock.so authsucc {_EULER_LOCK}
auth        requisite     pam_succeed_if.so uid >= 1000 quiet_success
auth        required      pam_deny.so
account     required      pam_unix.so
account     required      pam_faillock.so
password    requisite     pam_pwquality.so minlen=8 minclass=3 enforce_for_root try_first_pass retry=3 \\
                          dcredit=0 ucredit=0 lcredit=0 ocredit=0
password    required      pam_pwhistory.so use_authtok remember=5 enforce_for_root
password    sufficient    pam_unix.so sha512 shadow nullok try_first_pass use_authtok
password    required      pam_deny.so
session     required      pam_unix.so
"""
_KYSEC = "KySec status: enabled\\nexec control: warning\\nfile protect: on\\n"


def kylin(host: Prepared) -> None:
    """Prepare a host like 麒麟 V10 or openEuler 22.03: a short lock, three classes, root over SSH."""
    _rpm_host(
        host, "kylin", "V10", "Kylin Linux Advanced Server V10", "libpwquality 1.4.2-1.ky10\npam 1.4.0-8.ky10"
    )
    forever = ":0:99999:7:::"
    accounts(
        host,
        {
            "root": (0, "/bin/bash", f"{_HASH}:{today() - 10}{forever}"),
            "kylin": (1000, "/bin/bash", f"{_HASH}:{today() - 500}{forever}"),
            "auditadm": (1002, "/bin/bash", f"{_HASH}:{today() - 10}{forever}"),
        },
    )
    _groups(host, "wheel:x:10:kylin\nadm:x:4:auditadm\n")
    lastlog(host, {0: 1, 1000: 1, 1002: 3})
    host_people.installed(host, 300)
    for name in ("system-auth", "password-auth"):
        host.file(f"etc/pam.d/{name}", _EULER_STACK)
    host.file("etc/security/faillock.conf", "# deny = 3\n")
    host.file("etc/security/pwquality.conf", "# minlen = 8\n")
    host.file("etc/login.defs", "PASS_MAX_DAYS 99999\nUMASK 077\nENCRYPT_METHOD SHA512\n")
    host.file("etc/profile", f"PATH={_PATH}\numask 077\nfor i in /etc/profile.d/*.sh; do . $i; done\n")
    host.file("etc/profile.d/tmout.sh", "typeset -rx TMOUT=300\n")
    host.file(
        "etc/ssh/sshd_config",
        "HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM yes\nPermitRootLogin yes\n",
        0o600,
    )
    host.file("etc/sudoers", "Defaults !visiblepw\nroot ALL=(ALL) ALL\n%wheel ALL=(ALL) ALL\n", 0o440)
    host.folder("etc/sudoers.d", 0o750)
    host.file("usr/local/sbin/getstatus", f"#!/bin/sh\nprintf '{_KYSEC}'\n", 0o755)
    host.file("home/kylin/.bash_history", "mysqldump -uroot -pSecret-1 his\n", 0o600, (1000, 1000))
    host.daemon("mysqld")


def uos(host: Prepared) -> None:
    """Prepare a host like 统信 on Debian: modules of the vendor in PAM, a desktop, an open sudoers."""
    common(host)
    host.file("etc/os-release", 'ID=uos\nVERSION_ID="20"\nPRETTY_NAME="UnionTech OS Server 20"\n')
    same_day = f"{_HASH}:{today() - 300}:0:99999:7:::"
    accounts(
        host,
        {"root": (0, "/bin/bash", f"!:{today() - 300}:0:99999:7:::"), "uos": (1000, "/bin/bash", same_day)},
    )
    _groups(host, "adm:x:4:uos\n")
    path = host.root / "etc/group"
    path.write_text(
        path.read_text(encoding="ascii").replace("sudo:x:27777:", "sudo:x:27:uos"), encoding="ascii"
    )
    lastlog(host, {0: 1, 1000: 1})
    host_people.installed(host, 300)
    for module, name in (("pam_deny.so", "pam_deepin_auth.so"), ("pam_permit.so", "pam_deepin_pw_check.so")):
        host.file(f"usr/local/sbin/{name}", (_MODULES / module).read_bytes())
    host.file(
        "etc/pam.d/common-auth",
        "auth sufficient /usr/local/sbin/pam_deepin_auth.so\n"
        "auth [success=1 default=ignore] pam_unix.so nullok\n"
        "auth requisite pam_deny.so\nauth required pam_permit.so\n",
    )
    host.file(
        "etc/pam.d/common-password",
        "password requisite /usr/local/sbin/pam_deepin_pw_check.so\n"
        "password [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt\n"
        "password requisite pam_deny.so\npassword required pam_permit.so\n",
    )
    for name in ("sshd", "login"):
        host.file(
            f"etc/pam.d/{name}",
            "@include common-auth\n@include common-account\nsession required pam_unix.so\n"
            "@include common-password\n",
        )
    host.file("etc/login.defs", "PASS_MAX_DAYS 99999\nUMASK 022\nENCRYPT_METHOD YESCRYPT\n")
    host.file("etc/profile", f"PATH={_PATH}\numask 022\n")
    host.file(
        "etc/ssh/sshd_config",
        "HostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM yes\nPermitRootLogin prohibit-password\n"
        "ClientAliveInterval 300\n",
    )
    sudoers = host.file("etc/sudoers", "root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n", 0o440)
    subprocess.run(["setfacl", "-m", "u:1000:rw", str(sudoers)], check=True)
    host.folder("etc/sudoers.d", 0o750)
    host.file("var/log/his.log", "x\n", 0o666)
    host.file("usr/local/sbin/lightdm", "#!/bin/sh\n", 0o755)
    host.file("etc/lightdm/lightdm.conf", "[Seat:*]\n# greeter-hide-users=true\ngreeter-hide-users=false\n")
    host.folder("sys/kernel")
    host.file("sys/module/apparmor/parameters/enabled", "Y\n")
    host.file("sys/kernel/security/apparmor/profiles", "/usr/sbin/cupsd (enforce)\n")
