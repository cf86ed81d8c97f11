"""Resolves references to secrets at run time; values are told to the redactor and never stored."""

from __future__ import annotations

import getpass
import importlib
import os
import re
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from .errors import NotDeclared, UsageError
from .redact import Redactor

_ENV: Final = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")
PROMPT: Final = "prompt:"
MOST_ANSWERS_BYTES: Final = 256 * 1024


class Secrets:
    """Looks a reference up once and remembers the answer for the life of the process."""

    def __init__(self, redactor: Redactor, answers: Mapping[str, str] | None = None) -> None:
        """Take what was answered beforehand, by label: then nobody is asked at the terminal."""
        self._redactor = redactor
        self._answers = answers
        self._known: dict[tuple[str, str], str | NotDeclared] = {}

    def resolve(self, reference: str, *, label: str = "") -> str:
        """Return the secret behind `${ENV:NAME}`, `keyring:service/user` or `prompt:`.

        Raises:
            NotDeclared: not set, empty, not in the keyring, or nobody is there to be asked.

        """
        key = (reference, label if reference.startswith(PROMPT) else "")
        if key not in self._known:
            self._known[key] = self._look_up_once(reference, label)
        answer = self._known[key]
        if isinstance(answer, NotDeclared):
            raise answer
        return answer

    def _look_up_once(self, reference: str, label: str) -> str | NotDeclared:
        """Return the secret, or the refusal: nobody is asked a second time."""
        try:
            value = self._look_up(reference, label)
        except NotDeclared as exc:
            return exc
        self._redactor.add(value)
        return value

    def _look_up(self, reference: str, label: str) -> str:
        env = _ENV.fullmatch(reference)
        if env is not None:
            return _from_environment(env.group(1), label)
        if reference.startswith("keyring:"):
            return _from_keyring(reference.removeprefix("keyring:"), label)
        if reference.startswith(PROMPT):
            return _from_terminal(label) if self._answers is None else _answered(self._answers, label)
        raise NotDeclared(
            "口令必须写成引用，不得写明文", where=label, cure="写成 ${ENV:名称}、keyring:服务/用户 或 prompt:"
        )


def _from_environment(name: str, label: str) -> str:
    value = os.environ.get(name)
    if not value:  # an empty one would be sent as a wrong password
        state = "未设置" if value is None else "是空的"
        raise NotDeclared(f"环境变量 {name} {state}", where=label, cure=f"运行前执行 export {name}=…")
    return value


def read_answers(data: bytes) -> dict[str, str]:
    """Return the passwords that were asked for beforehand, by label, from a JSON object.

    Raises:
        UsageError: not such an object; nothing of it is told.

    """
    try:
        return msgspec.json.decode(data, type=dict[str, str])
    except msgspec.DecodeError:
        raise UsageError(
            "标准输入不是口令的 JSON 对象", where="--answers", cure='写成 {"对象/用户名": "口令"}'
        ) from None


def _answered(answers: Mapping[str, str], label: str) -> str:
    value = answers.get(label, "")
    if not value:  # an empty one would be sent as a wrong password
        raise NotDeclared("运行前没有填写口令", where=label, cure="在新的一轮开始前填写，或改用 ${ENV:名称}")
    return value


def _from_terminal(label: str) -> str:
    if not sys.stdin.isatty():
        raise NotDeclared("需要人工输入口令，但当前不是终端", where=label, cure="改用 ${ENV:名称}")
    try:
        value = getpass.getpass(f"请输入 {label} 的口令：" if label else "请输入口令：")
    except EOFError:
        value = ""
    if not value:
        raise NotDeclared("没有输入口令", where=label, cure="重新运行并输入，或改用 ${ENV:名称}")
    return value


def _from_keyring(name: str, label: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError as exc:
        raise NotDeclared(
            "未安装 keyring", where=label, cure="pip install keyring，或改用 ${ENV:名称}"
        ) from exc
    service, _, user = name.partition("/")
    try:
        value = keyring.get_password(service, user)
    except errors.KeyringError as exc:
        raise NotDeclared(
            f"钥匙串无法使用：{type(exc).__name__}", where=label, cure="解锁钥匙串，或改用 ${ENV:名称}"
        ) from exc
    if not isinstance(value, str) or not value:
        raise NotDeclared(f"钥匙串中没有 {name}", where=label, cure=f"keyring set {service} {user}")
    return value
