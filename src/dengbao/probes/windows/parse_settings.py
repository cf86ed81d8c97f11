"""Reads registry values and the screen savers of users."""

from __future__ import annotations

from typing import Final

from ...errors import ProbeError, ProtocolMismatch
from ..host.frames import Section, Transcript
from .facts import ScreenLock, WindowsSettings
from .sections import number, records, whole

_SCREEN: Final = ("ScreenSaveActive", "ScreenSaverIsSecure", "ScreenSaveTimeOut", "SCRNSAVE.EXE")


def read_settings(transcript: Transcript) -> WindowsSettings:
    """Return the registry values, and every loaded user's screen saver."""
    values, absent = _values(whole(transcript, "registry"))
    return WindowsSettings(values=values, absent=tuple(sorted(absent)), screens=_screens(transcript))


def _values(section: Section) -> tuple[dict[str, str], set[str]]:
    """Return what is set and what is known not to be there.

    Raises:
        ProtocolMismatch: a value is there twice and differently, or there and not there.

    """
    values: dict[str, str] = {}
    for name, _, data in (one[:3] for one in records(section, "value", 3)):
        if values.setdefault(name, data) != data:
            raise ProtocolMismatch(f"注册表值 {name} 有两个不同的值", cure="用原脚本重新采集")
    absent = {one[0] for one in records(section, "absent")}
    if both := sorted(absent & values.keys()):
        raise ProtocolMismatch(f"注册表值 {both[0]} 的记录自相矛盾", cure="用原脚本重新采集")
    return values, absent


def _screens(transcript: Transcript) -> tuple[ScreenLock, ...] | None:
    try:
        section = whole(transcript, "screens")
        values, _ = _values(section)
    except ProbeError:
        return None
    unread = {one[0] for one in records(section, "unread")}
    return tuple(_screen(one[0], values, unread) for one in records(section, "hive"))


def _screen(sid: str, values: dict[str, str], unread: set[str]) -> ScreenLock:
    found: dict[str, str] = {}
    for name in _SCREEN:
        policy, own = f"{sid}.policy.{name}", f"{sid}.user.{name}"
        if policy not in unread and own not in unread:
            found[name] = values.get(policy, values.get(own, ""))
    return ScreenLock(
        sid=sid,
        active=_switch(found.get("ScreenSaveActive"), bool(found.get("SCRNSAVE.EXE"))),
        secure=_switch(found.get("ScreenSaverIsSecure")),
        timeout_s=number(found.get("ScreenSaveTimeOut", "")),
        program=found.get("SCRNSAVE.EXE", ""),
    )


def _switch(text: str | None, also: bool = True) -> bool | None:
    """Return whether a switch is on; without a value it is off, unread is not known."""
    return None if text is None else text == "1" and also
