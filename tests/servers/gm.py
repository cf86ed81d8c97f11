"""国密 and ancient TLS servers on loopback, with the certificates they need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .tls import NAME, free_ports, running

_PEER: Final = Path(__file__).with_name("gm_peer.py")
# The identity that GM/T 0009 lays down where none is agreed.
_ID: Final = "distid:1234567812345678"
_USAGES: Final = {
    "sign": "digitalSignature,nonRepudiation",
    "enc": "keyEncipherment,dataEncipherment,keyAgreement",
}


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def mint_sm(folder: Path, *, name: str = NAME, days: int = 30) -> Path:
    """Write an SM2 CA and its two certificates, signing and encryption, as GB/T 38636 wants them.

    Debian's openssl computes SM2 and SM3 but speaks no TLCP.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for one in ("ca", *_USAGES):
        key = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", str(folder / f"{one}.key"))
        _openssl("genpkey", *key)
    _openssl(
        "req", "-x509", "-new", "-sm3", "-sigopt", _ID, "-key", str(folder / "ca.key"), "-days", "60",
        "-subj", "/C=CN/O=测试国密 CA/CN=SM2 CA", "-utf8", "-addext", "keyUsage=critical,keyCertSign",
        "-out", str(folder / "ca.pem"),
    )  # fmt: skip
    for one, usage in _USAGES.items():
        request, extensions = folder / f"{one}.csr", folder / f"{one}.ext"
        extensions.write_text(f"keyUsage=critical,{usage}\nsubjectAltName=DNS:{name}\n", encoding="ascii")
        _openssl(
            "req", "-new", "-sm3", "-sigopt", _ID, "-key", str(folder / f"{one}.key"),
            "-subj", f"/C=CN/CN={name} {one}", "-out", str(request),
        )  # fmt: skip
        _openssl(
            "x509", "-req", "-in", str(request), "-CA", str(folder / "ca.pem"), "-CAkey",
            str(folder / "ca.key"), "-set_serial", "0x1001" if one == "sign" else "0x1002", "-sm3",
            "-sigopt", _ID, "-vfyopt", _ID, "-days", str(days), "-extfile", str(extensions),
            "-out", str(folder / f"{one}.pem"),
        )  # fmt: skip
    return folder


@contextmanager
def peer(mode: str, folder: Path) -> Iterator[int]:
    """Run one server of `gm_peer.py` with the certificates in `folder`."""
    (port,) = free_ports(1)
    with running([sys.executable, str(_PEER), mode, str(port), str(folder)], port):
        yield port
