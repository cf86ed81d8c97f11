"""LibreOffice as a typesetter: .docx → PDF, and on which page each bookmark stands."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import ReportError
from .fonts import lacks_signs, replaced_fonts, write_config
from .toc import Heading

# Evidence must stay readable: LibreOffice's own defaults halve screenshots and make JPEGs of them.
_EXPORT: Final = "pdf:writer_pdf_Export:" + json.dumps(
    {
        "UseLosslessCompression": {"type": "boolean", "value": "true"},
        "ReduceImageResolution": {"type": "boolean", "value": "false"},
        "ExportBookmarks": {"type": "boolean", "value": "true"},
        "ExportBookmarksToPDFDestination": {"type": "boolean", "value": "true"},
    }
)
_DESTINATION: Final = re.compile(r'^\s*(\d+)\s+\[.*\]\s+"([^"]*)"\s*$')
CURE: Final = "apt install libreoffice-writer-nogui poppler-utils"


@dataclass(frozen=True)
class Layout:
    """Where things stand in a PDF: pages in all, bookmark → page, both counted from 1."""

    total: int
    pages: Mapping[str, int]


class Office:
    """One LibreOffice profile for one report; every run has a time limit and leaves no process."""

    def __init__(self, programs: Mapping[str, str], folder: Path, *, timeout_s: float) -> None:
        self._programs = programs
        self._folder = folder
        self._timeout_s = timeout_s
        self._fonts = write_config(folder)
        self._count = 0

    def replaced_fonts(self) -> dict[str, str]:
        """Return official face → face that stands in for it here."""
        return replaced_fonts(self._fonts)

    def lacks_signs(self) -> bool:
        """Tell whether `␛` and its like will be boxes in a PDF made here."""
        return lacks_signs(self._fonts)

    def pdf(self, docx: bytes) -> Path:
        """Return a PDF of the document, in the temporary folder.

        Raises:
            ReportError: LibreOffice failed or took too long.

        """
        self._count += 1
        source = self._folder / f"report{self._count}.docx"
        source.write_bytes(docx)
        profile = (self._folder / "profile").as_uri()
        command = [
            self._programs["soffice"], f"-env:UserInstallation={profile}", "--headless", "--norestore",
            "--nolockcheck", "--convert-to", _EXPORT, "--outdir", str(self._folder), str(source),
        ]  # fmt: skip
        output = self._run(command)
        made = source.with_suffix(".pdf")
        if not made.is_file():
            raise ReportError(f"LibreOffice 未能生成 PDF：{output.strip()[-200:]}", cure=CURE)
        return made

    def layout(self, pdf: Path, headings: Sequence[Heading]) -> Layout | None:
        """Return on which page each heading stands, None where that is not certain for every one.

        The bookmark tells the page, and the heading must also be read there.
        """
        listed = self._run([self._programs["pdfinfo"], "-dests", "-enc", "UTF-8", str(pdf)])
        found: dict[str, int] = {}
        for line in listed.splitlines():
            match = _DESTINATION.match(line)
            if match:
                found[match[2]] = int(match[1])
        text = self._run([self._programs["pdftotext"], "-enc", "UTF-8", str(pdf), "-"])
        sheets = [_squeeze(one) for one in text.split("\f")]
        pages: dict[str, int] = {}
        for heading in headings:
            page = found.get(_destination(heading.bookmark))
            if page is None or page > len(sheets) or _squeeze(heading.text) not in sheets[page - 1]:
                return None
            pages[heading.bookmark] = page
        return Layout(len(sheets) - 1, pages)

    def _run(self, command: Sequence[str]) -> str:
        env = {**os.environ, "FONTCONFIG_FILE": str(self._fonts), "SAL_USE_VCLPLUGIN": "svp"}
        # A group of its own: soffice is a script whose child would outlive a kill of the script alone.
        with subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, cwd=self._folder,
        ) as process:  # fmt: skip
            try:
                output, _ = process.communicate(timeout=self._timeout_s)
            except BaseException as exc:
                _kill_group(process)
                if isinstance(exc, subprocess.TimeoutExpired):
                    raise ReportError(
                        f"{Path(command[0]).name} 超过 {self._timeout_s:.0f} 秒未完成，已终止",
                        cure="减少图片后重试，或在空闲时重试",
                    ) from exc
                raise
        return output.decode("utf-8", "replace")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
    else:
        process.kill()


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _destination(bookmark: str) -> str:
    """Return the bookmark as LibreOffice names it in the PDF: other than letters and digits in hex."""
    return "".join(one if one.isascii() and one.isalnum() else f"{ord(one):X}" for one in bookmark)


def find_programs(engines: Mapping[str, str]) -> dict[str, str] | None:
    """Return the programs that page numbers need, None where one is missing."""
    if "soffice" not in engines or "pdftotext" not in engines:
        return None
    beside = Path(engines["pdftotext"]).with_name("pdfinfo")
    pdfinfo = str(beside) if beside.is_file() else shutil.which("pdfinfo")
    if pdfinfo is None:
        return None
    return {"soffice": engines["soffice"], "pdftotext": engines["pdftotext"], "pdfinfo": pdfinfo}


@contextmanager
def open_office(programs: Mapping[str, str], *, timeout_s: float = 180.0) -> Iterator[Office]:
    """Yield LibreOffice with a profile of its own in a folder that vanishes afterwards."""
    with tempfile.TemporaryDirectory(prefix="dengbao-report-", ignore_cleanup_errors=True) as folder:
        yield Office(programs, Path(folder), timeout_s=timeout_s)
