"""Finds the external engines: nmap, sslyze in its own environment, LibreOffice."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Engine:
    """An external program, what it is for, how to get it, and the kind of probes that need it (or none)."""

    name: str
    purpose: str
    cure: str
    kind: str = ""


ENGINES: Final = (
    Engine("nmap", "识别开放端口上的服务", "apt install nmap", "ports"),
    Engine("sslyze", "TLS 版本、套件与已知缺陷", "make engines，或离线包内 install.sh", "tls"),
    Engine("soffice", "目录页码与 PDF 预览", "apt install libreoffice-writer-nogui"),
    Engine("pdftotext", "目录页码", "apt install poppler-utils"),
    Engine("pdfinfo", "目录页码", "apt install poppler-utils"),
)


def find_engines() -> dict[str, str]:
    """Return name → program for every engine that is there; sslyze names a Python that can run it."""
    found = {
        name: path for name in ("nmap", "soffice", "pdftotext", "pdfinfo") if (path := shutil.which(name))
    }
    sslyze = _sslyze_python()
    if sslyze is not None:
        found["sslyze"] = str(sslyze)
    return found


def _sslyze_python() -> Path | None:
    package = Path(__file__).resolve().parent
    given = os.environ.get("DENGBAO_SSLYZE")
    folders = (
        Path(sys.prefix).parent / ".engines",
        package.parent.parent / ".engines",
        Path(sys.prefix) / "engines",
    )
    program = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")
    candidates = [Path(given)] if given else [folder / "sslyze" / program for folder in folders]
    # An environment below somebody else's home is not there for us; `exists` would raise.
    return next((one for one in candidates if os.access(one, os.X_OK)), None)
