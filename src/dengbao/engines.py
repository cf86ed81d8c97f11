"""Finds the external engines: nmap, Chromium, LibreOffice, and those in environments of their own."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Engine:
    """An external program, what it is for, how to get it, and which probe or kind of probes needs it."""

    name: str
    purpose: str
    cure: str
    kind: str = ""


ENGINES: Final = (
    Engine("nmap", "识别开放端口上的服务", "apt install nmap", "ports"),
    Engine("sslyze", "TLS 版本、套件与已知缺陷", "make engines，或离线包内 install.sh", "tls"),
    Engine("schemathesis", "按接口描述测试接口", "make engines，或离线包内 install.sh", "web.api"),
    Engine("postgres", "试恢复 PostgreSQL 备份", "apt install postgresql", "backup.restore"),
    Engine("mariadbd", "试恢复 MariaDB、MySQL 备份", "apt install mariadb-server", "backup.restore"),
    Engine("chromium", "由浏览器登录、打开由脚本生成的页面", "apt install chromium", "web.browser"),
    Engine("soffice", "目录页码与 PDF 预览", "apt install libreoffice-writer-nogui"),
    Engine("pdftotext", "目录页码", "apt install poppler-utils"),
    Engine("pdfinfo", "目录页码", "apt install poppler-utils"),
)


def find_engines() -> dict[str, str]:
    """Return name → program for every engine that is there; sslyze names a Python that can run it."""
    found = {
        name: path for name in ("nmap", "soffice", "pdftotext", "pdfinfo") if (path := shutil.which(name))
    }
    servers = {"postgres": _newest_postgres(), "mariadbd": _mariadbd(), "chromium": _chromium()}
    found |= {name: program for name, program in servers.items() if program}
    sslyze = _own("sslyze", "python")
    if sslyze is not None:
        found["sslyze"] = str(sslyze)
    schemathesis = _own("schemathesis", "schemathesis")
    if schemathesis is not None:
        found["schemathesis"] = str(schemathesis)
    return found


def _newest_postgres() -> str:
    """Return the newest server program that has its tools beside it, or nothing."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    tools = ("postgres", "initdb", "pg_restore")
    whole = [one for one in folders if all(os.access(one / name, os.X_OK) for name in tools)]
    newest = max(
        whole, key=lambda one: [int(digits) for digits in re.findall(r"\d+", str(one))], default=None
    )
    return str(newest / "postgres") if newest else ""


def _mariadbd() -> str:
    """Return the server program, which often lies where only root's PATH leads."""
    folders = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"))
    return shutil.which("mariadbd", path=folders) or ""


_BROWSERS: Final = (
    "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge-stable",
    "microsoft-edge",
)  # fmt: skip
_WINDOWS_BROWSERS: Final = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")


def _chromium() -> str:
    """Return a browser of Chromium's family; on Windows, where Chrome and Edge are usually installed.

    Not tried on a real Windows.
    """
    if given := os.environ.get("DENGBAO_CHROMIUM"):
        return given if os.access(given, os.X_OK) else ""
    for name in _BROWSERS:
        if path := shutil.which(name):
            return path
    roots = [os.environ.get(name, "") for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
    places = [Path(root) / one for root in roots if root for one in _WINDOWS_BROWSERS]
    return next((str(one) for one in places if one.is_file()), "")


def _own(name: str, program_name: str) -> Path | None:
    """Return a program of an engine's own environment; `DENGBAO_<NAME>` names another one."""
    package = Path(__file__).resolve().parent
    given = os.environ.get(f"DENGBAO_{name.upper()}")
    folders = (
        Path(sys.prefix).parent / ".engines",
        package.parent.parent / ".engines",
        Path(sys.prefix) / "engines",
    )
    program = Path(f"Scripts/{program_name}.exe") if os.name == "nt" else Path(f"bin/{program_name}")
    candidates = [Path(given)] if given else [folder / name / program for folder in folders]
    # An environment below somebody else's home is not there for us; `exists` would raise.
    return next((one for one in candidates if os.access(one, os.X_OK)), None)
