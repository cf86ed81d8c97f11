"""What a person filled in, taken out of a form in bounded size; a mistake is told with its field."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeVar

from starlette.datastructures import FormData, UploadFile

from ..errors import UsageError

MOST_TEXT: Final = 20_000
Choice = TypeVar("Choice", bound=StrEnum)
Read = TypeVar("Read")


class Filled:
    """A posted form."""

    def __init__(self, form: FormData) -> None:
        self._form = form

    def __contains__(self, name: str) -> bool:
        return name in self._form

    def raw(self, name: str) -> str:
        """Return a field as it came; empty where there is none or it is a file."""
        value = self._form.get(name)
        return value if isinstance(value, str) else ""

    def text(self, name: str, title: str = "", *, most: int = MOST_TEXT, needed: bool = False) -> str:
        """Return a field's text without what no document can hold, line ends as line feeds.

        Raises:
            UsageError: too long, or empty though it is needed.

        """
        text = cleaned(self.raw(name))
        if len(text) > most:
            raise UsageError(f"“{title or name}”超过 {most} 字", cure="删减，或改放佐证文件")
        if needed and not text:
            raise UsageError(f"“{title or name}”未填", cure="填写后再提交")
        return text

    def texts(self, name: str, title: str = "", *, most: int = 2000) -> tuple[str, ...]:
        """Return all values of a field that may come several times, without empty ones.

        Raises:
            UsageError: one is too long.

        """
        values = [cleaned(one) for one in self._form.getlist(name) if isinstance(one, str)]
        if any(len(one) > most for one in values):
            raise UsageError(f"“{title or name}”超过 {most} 字", cure="删减")
        return tuple(one for one in values if one)

    def choice(self, name: str, choices: type[Choice], title: str = "") -> Choice:
        """Return which of a list was chosen.

        Raises:
            UsageError: none, or something that is not in the list.

        """
        chosen = self.raw(name)
        if not chosen:
            raise UsageError(f"“{title or name}”未选", cure="选择后再提交")
        return self._read(lambda: choices(chosen), title or name, f"不认识的选项 {chosen[:40]}")

    def moment(self, name: str, title: str = "") -> datetime:
        """Return a time; one without zone is meant in this machine's.

        Raises:
            UsageError: none, or not a time.

        """
        told = self.text(name, title, most=40, needed=True)
        found = self._read(lambda: datetime.fromisoformat(told), title or name, f"不是时间：{told}")
        return found if found.tzinfo else found.astimezone()

    def day(self, name: str, title: str = "") -> date | None:
        """Return a date, None where the field is empty.

        Raises:
            UsageError: not a date.

        """
        told = self.text(name, title, most=10)
        return (
            self._read(lambda: date.fromisoformat(told), title or name, f"不是日期：{told}") if told else None
        )

    def number(self, name: str, title: str = "", *, least: int = 0, most: int = 2**31) -> int:
        """Return a whole number between bounds.

        Raises:
            UsageError: none, not a number, or out of bounds.

        """
        told = self.text(name, title, most=12, needed=True)
        found = self._read(lambda: int(told), title or name, f"不是整数：{told}")
        if not least <= found <= most:
            raise UsageError(f"“{title or name}”应在 {least} 与 {most} 之间", cure="改正后再提交")
        return found

    def files(self, name: str) -> tuple[UploadFile, ...]:
        """Return the files of a field; a field that was left empty brings none."""
        return tuple(
            one
            for one in self._form.getlist(name)
            if isinstance(one, UploadFile) and (one.filename or one.size)
        )

    @staticmethod
    def _read(read: Callable[[], Read], title: str, fault: str) -> Read:
        try:
            return read()
        except (ValueError, OverflowError) as exc:
            raise UsageError(f"“{title}”{fault}", cure="改正后再提交") from exc


def cleaned(text: str) -> str:
    """Return text with line feeds as line ends, without control characters, stripped."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_kept(text)).strip()


def _kept(text: str) -> Iterable[str]:
    return (one for one in text if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs"))
