"""Resolves references to secrets at run time; values are told to the redactor and never stored."""

from __future__ import annotations

import getpass
import importlib
import os
import re
import sys
from typing import Final

from .errors import NotDeclared
from .redact import Redactor

_ENV: Final = re.compile(r"\$\{ENV:([A-Za-z_][A-Za-z0-9_]*)\}")


class Secrets:
    """Looks a reference up once and remembers the answer for the life of the process."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._known: dict[tuple[str, str], str] = {}

    def resolve(self, reference: str, *, label: str = "") -> str:
        """Return the secret behind `${ENV:NAME}`, `keyring:service/user` or `prompt:`.

        Raises:
            NotDeclared: the variable is not set, or nobody is there to be asked.

        """
        key = (reference, label if reference.startswith("prompt:") else "")
        if key not in self._known:
            value = self._look_up(reference, label)
            self._redactor.add(value)
            self._known[key] = value
        return self._known[key]

    def _look_up(self, reference: str, label: str) -> str:
        env = _ENV.fullmatch(reference)
        if env is not None:
            value = os.environ.get(env.group(1))
            if value is None:
                raise NotDeclared(
                    f"环境变量 {env.group(1)} 未设置", where=label, cure=f"运行前执行 export {env.group(1)}=…"
                )
            return value
        if reference.startswith("keyring:"):
            return _from_keyring(reference.removeprefix("keyring:"), label)
        if reference.startswith("prompt:"):
            if not sys.stdin.isatty():
                raise NotDeclared("需要人工输入口令，但当前不是终端", where=label, cure="改用 ${ENV:名称}")
            return getpass.getpass(f"请输入 {label or '口令'}：")
        raise NotDeclared(
            "口令必须写成引用，不得写明文", where=label, cure="写成 ${ENV:名称}、keyring:服务/用户 或 prompt:"
        )


def _from_keyring(name: str, label: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError as exc:
        raise NotDeclared(
            "未安装 keyring", where=label, cure="pip install keyring，或改用 ${ENV:名称}"
        ) from exc
    service, _, user = name.partition("/")
    value = keyring.get_password(service, user)
    if not isinstance(value, str):
        raise NotDeclared(f"钥匙串中没有 {name}", where=label, cure=f"keyring set {service} {user}")
    return value
