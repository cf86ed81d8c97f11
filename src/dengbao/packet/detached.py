"""Verifies detached signatures with the programs people sign with; bounded, each in a folder of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ..errors import EvidenceError
from ..model.approvals import SignatureTool

LIMIT_BYTES: Final = 64 * 1024
NAMESPACE: Final = "dengbao"
_LIMIT_S: Final = 20.0
_SSH_KEY: Final = re.compile(
    r"((?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]{40,4000}={0,3})(?: [^\r\n]*)?"
)
_KEPT: Final = ("PATH", "SYSTEMROOT", "SystemRoot", "LD_LIBRARY_PATH")


class ToolMissing(EvidenceError):
    """The program that verifies this kind of signature is not on this machine: nothing can be told."""


def signed_line(packet: str, report_number: str) -> bytes:
    """Return what parties sign: the packet's digest, two blanks, the report's number, a line feed."""
    return f"{packet}  {report_number}\n".encode()


def verify_detached(tool: SignatureTool, signature: bytes, key: bytes, message: bytes) -> None:
    """Verify a signature; returns only where the program says that it is good.

    Raises:
        ToolMissing: the program is not there.
        EvidenceError: not a good signature by this key.

    """
    program = shutil.which(tool.value)
    if program is None:
        raise ToolMissing(f"本机没有 {tool.value}，未能核验签名", cure=f"安装 {tool.value} 后重试")
    if max(len(signature), len(key)) > LIMIT_BYTES:
        raise EvidenceError("签名或公钥文件过大", cure="核对是否选错了文件")
    with tempfile.TemporaryDirectory(prefix="dengbao-signature-") as folder:
        place = Path(folder)
        (place / "message").write_bytes(message)
        (place / "signature").write_bytes(signature)
        (place / "key").write_bytes(_key(tool, key))
        for words in _COMMANDS[tool]:
            if _good([program, *words], place, message):
                return
    raise EvidenceError(
        f"{tool.value} 核验不通过：不是以此公钥对该封存包摘要所作的签名",
        cure="对 `<包摘要>  <报告编号>` 一行（末尾一个换行）重新签名；核对公钥",
    )


def _key(tool: SignatureTool, key: bytes) -> bytes:
    if tool is not SignatureTool.SSH_KEYGEN:
        return key
    hit = _SSH_KEY.fullmatch(key.decode("utf-8", "replace").strip())
    if hit is None:
        raise EvidenceError("不是 OpenSSH 格式的公钥", cure="应为一行 ssh-ed25519 AAAA…")
    # Written anew from key type and key alone: a line of signers may hold options that grant more.
    return f"party {hit[1]}\n".encode()


_COMMANDS: Final[Mapping[SignatureTool, Sequence[Sequence[str]]]] = {
    SignatureTool.OPENSSL: (
        ("dgst", "-sha256", "-verify", "key", "-signature", "signature", "message"),
        ("dgst", "-sm3", "-verify", "key", "-signature", "signature", "message"),
        (
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "key",
            "-rawin",
            "-in",
            "message",
            "-sigfile",
            "signature",
        ),
    ),
    SignatureTool.SSH_KEYGEN: (
        ("-Y", "verify", "-f", "key", "-I", "party", "-n", NAMESPACE, "-s", "signature"),
    ),
    SignatureTool.MINISIGN: (("-V", "-q", "-p", "key", "-x", "signature", "-m", "message"),),
}


def _good(command: Sequence[str], place: Path, message: bytes) -> bool:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment = {**kept, "HOME": str(place), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            input=message,
            capture_output=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == 0
