"""References become secrets, are told to the redactor, and refuse in words that say what to do."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dengbao.errors import NotDeclared
from dengbao.redact import MASK, Redactor
from dengbao.secrets import Secrets

KEYRING = """
from . import errors

def get_password(service, user):
    if service == "locked":
        raise errors.KeyringLocked("locked")
    return {("his", "doctor"): "from-the-keyring", ("his", "empty"): ""}.get((service, user))
"""
KEYRING_ERRORS = """
class KeyringError(Exception):
    pass

class KeyringLocked(KeyringError):
    pass
"""


@pytest.fixture(name="secrets")
def fresh_secrets() -> Secrets:
    return Secrets(Redactor())


class Terminal(io.StringIO):
    """A standard input with a person behind it."""

    def isatty(self) -> bool:
        return True


def test_an_environment_variable_is_resolved_and_redacted_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redactor = Redactor()
    monkeypatch.setenv("HIS_PASSWORD", "correct-horse")
    assert redactor.text("correct-horse") == "correct-horse"
    assert Secrets(redactor).resolve("${ENV:HIS_PASSWORD}") == "correct-horse"
    assert redactor.text("correct-horse") == MASK


@pytest.mark.parametrize(("value", "state"), [(None, "未设置"), ("", "是空的")])
def test_a_variable_that_is_unset_or_empty_is_refused(
    monkeypatch: pytest.MonkeyPatch, secrets: Secrets, value: str | None, state: str
) -> None:
    """An empty password must not be sent: it would be a wrong attempt on a real account."""
    monkeypatch.delenv("HIS_PASSWORD", raising=False)
    if value is not None:
        monkeypatch.setenv("HIS_PASSWORD", value)
    with pytest.raises(NotDeclared, match=f"HIS_PASSWORD {state}") as caught:
        secrets.resolve("${ENV:HIS_PASSWORD}", label="his/doctor")
    assert (caught.value.where, caught.value.cure) == ("his/doctor", "运行前执行 export HIS_PASSWORD=…")


@pytest.mark.parametrize("reference", ["hunter2-plain", "", "${ENV:}", "$HIS_PASSWORD", "${ENV:A}x"])
def test_a_password_in_clear_is_refused_and_not_repeated(secrets: Secrets, reference: str) -> None:
    with pytest.raises(NotDeclared, match="不得写明文") as caught:
        secrets.resolve(reference, label="his/doctor")
    assert "hunter2" not in str(caught.value)


def test_a_prompt_is_asked_once_for_each_account(monkeypatch: pytest.MonkeyPatch, secrets: Secrets) -> None:
    asked: list[str] = []

    def type_in(prompt: str) -> str:
        asked.append(prompt)
        return f"typed-{len(asked)}"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", type_in)
    assert secrets.resolve("prompt:", label="his/doctor") == "typed-1"
    assert secrets.resolve("prompt:", label="his/doctor") == "typed-1"
    assert secrets.resolve("prompt:", label="db/audit") == "typed-2"
    assert secrets.resolve("prompt:") == "typed-3"
    assert asked == ["请输入 his/doctor 的口令：", "请输入 db/audit 的口令：", "请输入口令："]


def test_where_nobody_sits_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, secrets: Secrets) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(NotDeclared, match="不是终端") as caught:
        secrets.resolve("prompt:", label="his/doctor")
    assert caught.value.cure


@pytest.mark.parametrize("answer", ["", EOFError()])
def test_who_types_nothing_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, secrets: Secrets, answer: str | EOFError
) -> None:
    asked: list[str] = []

    def type_in(prompt: str) -> str:
        asked.append(prompt)
        if isinstance(answer, EOFError):
            raise answer
        return answer

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", type_in)
    for _ in range(2):
        with pytest.raises(NotDeclared, match="没有输入口令"):
            secrets.resolve("prompt:", label="his/doctor")
    assert len(asked) == 1


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a keyring of our own for one test."""
    (tmp_path / "keyring").mkdir()
    (tmp_path / "keyring" / "__init__.py").write_text(KEYRING, encoding="utf-8")
    (tmp_path / "keyring" / "errors.py").write_text(KEYRING_ERRORS, encoding="utf-8")
    for name in ("keyring", "keyring.errors"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("keyring", "keyring.errors"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("keyring")
def test_a_secret_comes_from_the_keyring(secrets: Secrets) -> None:
    assert secrets.resolve("keyring:his/doctor") == "from-the-keyring"


@pytest.mark.usefixtures("keyring")
@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("keyring:his/nobody", "钥匙串中没有 his/nobody"),
        ("keyring:his/empty", "钥匙串中没有"),
        ("keyring:locked/doctor", "钥匙串无法使用：KeyringLocked"),
    ],
)
def test_a_keyring_without_the_secret_is_refused(secrets: Secrets, reference: str, message: str) -> None:
    with pytest.raises(NotDeclared, match=message) as caught:
        secrets.resolve(reference, label="his/doctor")
    assert caught.value.cure


def test_without_keyring_it_is_said_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secrets: Secrets
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NotDeclared, match="未安装 keyring") as caught:
        secrets.resolve("keyring:his/doctor")
    assert "ENV" in caught.value.cure


def test_a_secret_never_stands_in_the_environment_of_the_message(
    monkeypatch: pytest.MonkeyPatch, secrets: Secrets
) -> None:
    monkeypatch.setenv("HIS_PASSWORD", "correct-horse")
    secrets.resolve("${ENV:HIS_PASSWORD}")
    assert "correct-horse" not in repr(secrets)
    assert os.environ["HIS_PASSWORD"] == "correct-horse"
