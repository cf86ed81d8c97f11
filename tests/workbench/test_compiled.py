"""Pages are compiled once and kept where Python keeps modules; without such a place they are shown too."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from dengbao.workbench import shown
from dengbao.workbench.shown import Pages


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is compiled."""
    seen: list[str] = []
    compile_ = jinja2.Environment.compile

    def noted(self: jinja2.Environment, source: str, name: str, filename: str) -> object:
        seen.append(name)
        return compile_(self, source, name, filename)

    monkeypatch.setattr(jinja2.Environment, "compile", noted)
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    return seen


def keep_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(shown, "cache_from_source", lambda _path: str(folder / "shown.pyc"))


def test_the_second_start_compiles_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiled: list[str]
) -> None:
    keep_in(monkeypatch, tmp_path)
    Pages(()).warm()
    first = len(compiled)
    assert first > 20
    Pages(()).warm()
    assert len(compiled) == first


def test_what_was_kept_and_is_broken_is_compiled_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiled: list[str]
) -> None:
    keep_in(monkeypatch, tmp_path)
    Pages(()).warm()
    first = len(compiled)
    for number, one in enumerate(sorted(tmp_path.iterdir())):
        one.write_bytes((b"", b"x", one.read_bytes()[:-40], one.read_bytes()[:30])[number % 4])
    Pages(()).warm()
    assert len(compiled) == 2 * first


def test_other_ways_to_compile_keep_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiled: list[str]
) -> None:
    keep_in(monkeypatch, tmp_path)
    Pages(()).warm()
    first = len(compiled)
    other = tmp_path / "shown.py"
    other.write_text("# another release", encoding="utf-8")
    monkeypatch.setattr(shown, "__file__", str(other))
    Pages(()).warm()
    assert len(compiled) == 2 * first


def test_where_nothing_can_be_kept_pages_are_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiled: list[str]
) -> None:
    folder = tmp_path / "kept"
    folder.write_bytes(b"no folder")
    keep_in(monkeypatch, folder)
    Pages(()).warm()
    first = len(compiled)
    Pages(()).warm()
    assert len(compiled) == 2 * first
    assert folder.read_bytes() == b"no folder"


def test_who_wants_no_compiled_files_gets_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiled: list[str]
) -> None:
    keep_in(monkeypatch, tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    Pages(()).warm()
    assert compiled
    assert list(tmp_path.iterdir()) == []
