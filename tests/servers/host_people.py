"""What people and installers leave on a prepared host: dates, histories, saved passwords."""

from __future__ import annotations

import os
import time

from .sshd import Prepared

_DAY_S = 86400


def installed(host: Prepared, days: int) -> None:
    """Let the host have been installed so many days ago."""
    at = time.time() - days * _DAY_S
    for path in ("etc/machine-id", "var/lib/dpkg/info/base-files.list"):
        os.utime(host.file(path, "0" * 32 + "\n"), (at, at))


def tidy(host: Prepared) -> None:
    """Leave what may stay: a history without passwords, and the tools' own copy of shadow."""
    host.file(
        "home/sysadm/.bash_history",
        "systemctl status his\nmysql -h 10.0.8.9 -P3306 -u his -p\npasswd\n",
        0o600,
        (1001, 1001),
    )
    host.file("etc/shadow-", "", 0o640)


def careless(host: Prepared) -> None:
    """Leave passwords in a history, in a file that everybody reads, and in a copy of shadow."""
    host.file(
        "home/operator1/.bash_history",
        "ls\nmysql -uroot -pSecret-1 his\nPGPASSWORD=Secret-1 psql\n",
        0o644,
        (1001, 1001),
    )
    host.file("home/operator1/.netrc", "machine his login a password b\n", 0o644, (1001, 1001))
    host.file("etc/shadow.bak", "", 0o644)
