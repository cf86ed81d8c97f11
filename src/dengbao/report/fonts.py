"""Which faces stand in for the official ones while a PDF is made; no font is ever shipped or embedded.

The .docx keeps the official names, because the offices that read it have those faces. Only LibreOffice
on this machine is told what to take, by a fontconfig file of its own, and what it took is reported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

_TIMEOUT_S: Final = 20.0
_SERIF: Final = ("Noto Serif CJK SC", "Source Han Serif SC", "AR PL UMing CN")
_SANS: Final = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Zen Hei")
SYMBOLS: Final = "Segoe UI Symbol"
CHAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "仿宋_GB2312": ("仿宋", "FangSong", "STFangsong", "FandolFang", *_SERIF),
    "楷体_GB2312": ("楷体", "KaiTi", "STKaiti", "FandolKai", "LXGW WenKai", "AR PL UKai CN", *_SERIF),
    "黑体": ("SimHei", "STHeiti", *_SANS),
    "宋体": ("SimSun", "STSong", *_SERIF),
    "方正小标宋简体": ("方正小标宋_GBK", "FZXiaoBiaoSong-B05S", *_SERIF),
    SYMBOLS: ("Noto Sans Symbols2", "Noto Sans Symbols 2", "Symbola", "FreeMono", "Unifont"),
    "Times New Roman": ("Liberation Serif", "TeX Gyre Termes", "Nimbus Roman", *_SERIF),
}


def write_config(folder: Path) -> Path:
    """Write `fonts.conf` with the alias chains into `folder` and return its path."""
    aliases = "".join(_alias(name, chain) for name, chain in CHAINS.items())
    path = folder / "fonts.conf"
    path.write_text(
        '<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n'
        '<include ignore_missing="yes">/etc/fonts/fonts.conf</include>\n'
        f"{aliases}</fontconfig>\n",
        encoding="utf-8",
    )
    return path


def _alias(name: str, chain: tuple[str, ...]) -> str:
    families = "".join(f"<family>{escape(one)}</family>" for one in chain)
    return f'<alias binding="same"><family>{escape(name)}</family><accept>{families}</accept></alias>\n'


def replaced_fonts(config: Path) -> dict[str, str]:
    """Return official face → face that stands in for it; empty where all are installed or unknown."""
    found: dict[str, str] = {}
    for name in CHAINS:
        if name == SYMBOLS:  # carries signs only; which face draws them changes no line
            continue
        families = _ask(config, "fc-match", "-f", "%{family}", name).split(",")
        if families != [""] and name not in families:
            found[name] = families[0]
    return found


def installed_families(config: Path) -> frozenset[str]:
    """Return the names of all faces installed here, in every language; empty where that is unknown."""
    listed = _ask(config, "fc-list", ":", "family").splitlines()
    return frozenset(name.strip().replace("\\", "") for line in listed for name in line.split(","))


def lacks_signs(config: Path) -> bool:
    """Tell whether no face here can draw the signs that stand for control characters."""
    return bool(_ask(config, "fc-list", ":", "family")) and not _ask(
        config, "fc-list", ":charset=241b", "family"
    )


def _ask(config: Path, program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    env = {**os.environ, "FONTCONFIG_FILE": str(config)}
    try:
        answer = subprocess.run(
            [path, *arguments],
            env=env, capture_output=True, timeout=_TIMEOUT_S, check=True, text=True, encoding="utf-8",
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
