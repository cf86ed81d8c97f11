"""What rules of the Linux audit trail mean, whichever way they are written.

`auditctl -l` prints rules otherwise than people write them: `-k` becomes `-F key=`, `exit,always` is turned
round, a watch may come back as `-F path=… -F perm=…`, and an unset user is `-1`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Final

_UNSET: Final = frozenset({"unset", "-1", "4294967295"})
_FIELD: Final = re.compile(r"([a-z0-9_]+)(!=|>=|<=|&=|=|>|<|&)(.*)", re.IGNORECASE)
_LISTS: Final = frozenset({"task", "exit", "user", "exclude", "filesystem", "io_uring"})
_SUPPRESSES: Final = re.compile(r"-a (?:never|exclude|\w+,(?:never|exclude))\b|-a \w+,exclude\b")
_SETTING: Final = re.compile(r"-[DbefrciE]\b|--")


def is_rule(line: str) -> bool:
    """Tell whether a line is a rule that can be loaded, not a setting such as `-D` or `-e 2`."""
    return line.startswith(("-w", "-a", "-A")) and not _SETTING.match(line)


def suppresses(line: str) -> bool:
    """Tell whether a rule keeps records from being written."""
    return _SUPPRESSES.match(line) is not None


def silences(line: str) -> bool:
    """Tell whether a rule keeps the kernel from looking at any system call, and so at any watch."""
    return re.match(r"-a (?:never,task|task,never)\b(?!.*-F)", line) is not None


def excluded_types(rules: Iterable[str]) -> frozenset[str]:
    """Return the types of records that the exclude list drops."""
    dropped = (one for one in rules if re.match(r"-a (?:\w+,exclude|exclude,\w+)\b", one))
    return frozenset(found for one in dropped for found in re.findall(r"msgtype=([A-Z0-9_]+)", one))


def meaning(line: str) -> frozenset[str]:
    """Return what a rule says, without its key, in a form that compares equal however it is written."""
    try:
        words = shlex.split(line)
    except ValueError:
        return frozenset({line})
    found: set[str] = set()
    for option, value in zip(words, [*words[1:], ""], strict=True):
        if option in ("-a", "-A"):
            found.add(",".join(sorted(value.split(","), key=lambda one: one not in _LISTS)))
        elif option == "-S":
            found.update(f"syscall {one}" for one in value.split(","))
        elif option in ("-F", "-C"):
            found.update(_field(value))
        elif option == "-w":
            found |= {"exit,always", f"watch {_path(value)}"}
        elif option == "-p":
            found.add(f"perm {''.join(sorted(value))}")
    if any(one.startswith("watch ") for one in found):
        # What a newer kernel prints for a watch names both kinds of system calls, or all of them.
        found -= {"syscall all"}
        if not any(one.startswith("perm ") for one in found):
            found.add("perm arwx")
    return frozenset(found)


def _field(text: str) -> Iterable[str]:
    parts = _FIELD.fullmatch(text)
    if parts is None:
        return (text,)
    name, operator, value = parts.groups()
    if name == "key":
        return ()
    if name in ("path", "dir") and operator == "=":
        return (f"watch {_path(value)}",)
    if name == "perm":
        return (f"perm {''.join(sorted(value))}",)
    if name in ("auid", "loginuid"):
        return (f"auid{operator}{'-1' if value in _UNSET else value}",)
    return (f"{name}{operator}{value}",)


def _path(text: str) -> str:
    return text.rstrip("/") or "/"


def difference(these: Iterable[str], those: Iterable[str]) -> tuple[str, ...]:
    """Return the rules of `these` that `those` do not hold, as they are written."""
    known = {meaning(one) for one in those if is_rule(one)}
    return tuple(one for one in these if is_rule(one) and meaning(one) not in known)


def one_arch_only(rules: Iterable[str]) -> tuple[str, ...]:
    """Return the rules on 64-bit system calls that have no counterpart for those of 32-bit programs.

    Counterparts may name other calls (`stime` exists in 32 bits only), so the key may tell, too.
    """
    held = [one for one in rules if is_rule(one) and not suppresses(one)]
    others = {_apart_from_arch(one) for one in held if "arch=b32" in one}
    keys = {key for one in held if "arch=b32" in one for key in _keys(one)}
    return tuple(
        one for one in held
        if "arch=b64" in one and _apart_from_arch(one) not in others and not keys & set(_keys(one))
    )  # fmt: skip


def _keys(line: str) -> list[str]:
    return re.findall(r"(?:-k |key=)(\S+)", line)


def _apart_from_arch(line: str) -> frozenset[str]:
    return frozenset(one for one in meaning(line) if not one.startswith("arch="))


def leaves_root_out(line: str) -> bool:
    """Tell whether a rule is only for those who logged in as somebody else than root."""
    return re.search(r"-F (?:auid|loginuid)(?:>=?[1-9]|!=(?:0|root)\b)", line) is not None


def first_audited(line: str) -> int:
    """Return the lowest number of a user a rule is for, 0 where it sets no such bound."""
    found = re.findall(r"-F (?:auid|loginuid)>(=?)(\d{1,9})\b", line)
    return max((int(number) + (not equal) for equal, number in found), default=0)
