"""key and seal: what they print, what they refuse, with which exit code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dengbao.cli.keys import PASSPHRASE

from .conftest import Call

WORDS = "correct horse"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE, WORDS)


def test_a_key_is_made_once_and_shown(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "keys" / "seal-key"
    made = call("key", "new", "--key", place)
    assert made.code == 0, made.err
    shown = subprocess.run(
        ["ssh-keygen", "-lf", f"{place}.pub"], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    assert f"指纹 {shown}" in made.out
    assert WORDS not in made.out + made.err
    assert place.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in place.read_bytes() or WORDS.encode() not in place.read_bytes()
    again = call("key", "new", "--key", place)
    assert again.code == 2
    assert "不覆盖" in again.err
    place.with_name("seal-key.pub").unlink()
    assert f"指纹 {shown}" in call("key", "show", "--key", place).out
    monkeypatch.setenv(PASSPHRASE, "wrong words")
    assert call("key", "show", "--key", place).code == 2
    monkeypatch.delenv(PASSPHRASE)
    said = call("key", "show", "--key", place)
    assert (said.code, PASSPHRASE in said.err) == (2, True)


def test_a_short_passphrase_is_refused(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE, "short")
    said = call("key", "new", "--key", tmp_path / "k")
    assert (said.code, list(tmp_path.iterdir())) == (2, [])
    assert "不足 8 个字符" in said.err


def test_a_key_of_ssh_is_as_good(call: Call, tmp_path: Path) -> None:
    place = tmp_path / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place)], check=True)
    said = call("key", "show", "--key", place)
    assert (said.code, "SHA256:" in said.out) == (0, True)
    other = tmp_path / "id_rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(other)], check=True)
    said = call("key", "show", "--key", other)
    assert (said.code, "不是 Ed25519" in said.err) == (2, True)
