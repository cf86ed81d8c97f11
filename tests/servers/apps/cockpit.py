"""Cockpit as Debian ships it: a single page, login by an HTTP Basic header, accounts of PAM.

The host's accounts are files of the test, seen only in a mount namespace of its own.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from ..postgres import free_port
from ..services import connects, process
from ..web import mint
from .site import PASSWORDS, Site

# pam_faillock locks after five wrong passwords, as a hospital's host should.
PAM = """auth required pam_faillock.so preauth dir={0}/tally deny=5 unlock_time=600
auth [success=1 default=bad] pam_unix.so
auth [default=die] pam_faillock.so authfail dir={0}/tally deny=5 unlock_time=600
auth sufficient pam_faillock.so authsucc dir={0}/tally deny=5 unlock_time=600
account required pam_unix.so
password required pam_unix.so sha512
session required pam_unix.so
"""
START = """set -e
cd "$1"
for one in passwd shadow group; do mount --bind $one /etc/$one; done
mount --bind pam /etc/pam.d/cockpit
exec /usr/lib/cockpit/cockpit-ws -a 127.0.0.1 -p "$2"
"""


def _accounts(folder: Path) -> None:
    """Write account files with the machine's own system accounts and those of the test."""
    texts = {one: Path("/etc", one).read_text(encoding="utf-8") for one in ("passwd", "shadow", "group")}
    for uid, (name, password) in enumerate(PASSWORDS.items(), 7301):
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
        ).stdout.strip()
        home = folder / name
        home.mkdir(mode=0o700)
        shutil.chown(home, uid, uid)
        texts["passwd"] += f"{name}:x:{uid}:{uid}::{home}:/bin/sh\n"
        texts["group"] += f"{name}:x:{uid}:\n"
        texts["shadow"] += f"{name}:{hashed}:{int(time.time() // 86400)}:0:90:7:::\n"
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "shadow").chmod(0o640)


@contextlib.contextmanager
def cockpit(folder: Path) -> Iterator[Site]:
    """Run Cockpit's web service with TLS of its own."""
    _accounts(folder)
    (folder / "pam").write_text(PAM.format(folder), encoding="ascii")
    (folder / "start.sh").write_text(START, encoding="ascii")
    (folder / "tally").mkdir()
    settings = folder / "cockpit"
    (settings / "ws-certs.d").mkdir(parents=True)
    (settings / "cockpit.conf").write_text(
        "[WebService]\nLoginTitle = Hospital\n[Session]\nIdleTimeout = 10\n"
    )
    certificates = mint(folder)
    key, _, chain = certificates.context_file.read_text(encoding="ascii").partition("-----BEGIN CERTIFICATE")
    (settings / "ws-certs.d/server.key").write_text(key, encoding="ascii")
    (settings / "ws-certs.d/server.cert").write_text(f"-----BEGIN CERTIFICATE{chain}", encoding="ascii")
    port = free_port()
    command = [
        "env", f"XDG_CONFIG_DIRS={folder}", f"XDG_RUNTIME_DIR={folder}",
        "unshare", "--mount", "sh", str(folder / "start.sh"), str(folder), str(port),
    ]  # fmt: skip
    with process(command, connects(port, "127.0.0.1"), folder, within_s=120):
        yield Site("cockpit", f"https://127.0.0.1:{port}/", str(certificates.ca_file), folder)
