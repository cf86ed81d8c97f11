"""What the fixtures of foreign applications share: accounts, description, environment, TLS in front."""

from __future__ import annotations

import base64
import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
import yaml

from dengbao.model import WebAsset

from ..postgres import free_port
from ..services import connects, process
from ..web import mint

HERE = Path(__file__).parent
PYTHON = HERE.parents[2] / ".engines/apps/bin/python"
"""An environment of its own (`tools/setup.sh apps`): these applications never enter that of the toolkit."""

PASSWORDS = {
    "boss": "Boss-Only-2026!", "doctor": "Right-Pass-2026!", "nurse": "Nurse-Pass-2026!",
    "victim": "Victim-Pass-2026!",
}  # fmt: skip
"""Test accounts of every application, by id; `victim` is the one that may be locked."""

OTP_KEYS = {name: f"{number}f" * 20 for number, name in enumerate(("boss", "doctor", "victim"), 1)}
"""TOTP seeds in hexadecimal, for accounts with a second factor."""


@dataclass(frozen=True)
class Site:
    """A running application; `folder` holds its data."""

    name: str
    url: str
    ca_file: str
    folder: Path

    def asset(self, **changes: object) -> WebAsset:
        """Return the asset as its page of YAML declares it, at the address it runs on now."""
        (told,) = yaml.safe_load(page(self.name))["assets"]
        asset = msgspec.convert({**told, "url": self.url, "ca_file": self.ca_file}, WebAsset, strict=True)
        return msgspec.structs.replace(asset, **changes)


def page(name: str) -> str:
    """Return the page of YAML that describes an application, as a part of `engagement.yaml`."""
    return (HERE / f"{name}.yaml").read_text(encoding="utf-8")


def variables() -> dict[str, str]:
    """Return the environment variables that the descriptions name, with what they hold."""
    found = {f"DENGBAO_APPS_{name.upper()}": one for name, one in PASSWORDS.items()}
    for name, key in OTP_KEYS.items():
        seed = base64.b32encode(bytes.fromhex(key)).decode("ascii")
        found[f"DENGBAO_APPS_{name.upper()}_OTP"] = f"otpauth://totp/his:{name}?secret={seed}&period=2"
    return found


@contextlib.contextmanager
def fronted(name: str, folder: Path, where: str, *, extra: str = "") -> Iterator[Site]:
    """Run nginx with TLS before an application; `where` is the inside of its `location /` block."""
    certificates = mint(folder)
    port = free_port()
    temp = "".join(
        f"{kind}_temp_path {folder}/temp-{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; user www-data; worker_processes 1; pid {folder}/nginx.pid;\n"
        "events { worker_connections 256; }\n"
        f"http {{ include /etc/nginx/mime.types; access_log off; {temp}\n"
        "client_max_body_size 8m;\n"
        f"server {{ listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.2 TLSv1.3;\n"
        f"ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; ssl_certificate {certificates.context_file};\n"
        f"ssl_certificate_key {certificates.context_file};\n{extra}\nlocation / {{ {where} }} }} }}\n",
        encoding="ascii",
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    command = [program, "-p", str(folder), "-e", str(folder / "nginx-error.log"), "-c", str(config)]
    with process(command, connects(port, "127.0.0.1"), folder, within_s=120):
        yield Site(name, f"https://127.0.0.1:{port}/", str(certificates.ca_file), folder)


def answers(url: str) -> Callable[[], bool]:
    """Return whether anything but an error of a server is answered; a port that listens may not serve yet."""

    def ready() -> bool:
        try:
            return httpx.get(url, timeout=20, trust_env=False).status_code < 500
        except httpx.HTTPError:
            return False

    return ready


def proxied(port: int) -> str:
    """Return the nginx lines that hand requests on to a server behind it."""
    return (
        f"proxy_pass http://127.0.0.1:{port}; proxy_http_version 1.1; proxy_set_header Host $http_host; "
        "proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr; "
        "proxy_set_header X-Forwarded-Proto https;"
    )
