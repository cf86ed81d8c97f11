"""Reads what Redis keeps instead of records, which modules it loads, and its copies elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...errors import NotSupported
from .facts import Setting
from .redis_wire import Reply
from .system_facts import (
    Component,
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
    LogPlace,
    Replica,
)

if TYPE_CHECKING:
    from .redis import Seen

_REPLICA: Final = re.compile(r"slave\d+")
# From this version on passwords in AUTH, ACL SETUSER and CONFIG SET stand as `(redacted)` in SLOWLOG.
_REDACTS: Final = 7
_ODD: Final = "MODULE LIST 的应答不识，未能得知已加载的模块"


def _settings(seen: Seen, *names: str) -> tuple[Setting, ...]:
    found = ((one, seen.setting(one)) for one in names)
    return tuple(Setting(name=one, value=value) for one, value in found if value is not None)


def logs(seen: Seen) -> DatabaseLogs:
    """Return the two short lists in memory; a restart, or a command, empties them."""
    length = seen.setting("acllog-max-len")
    return DatabaseLogs(
        places=(
            LogPlace(
                channel=f"ACL LOG（内存中最近 {length or '?'} 条拒绝记录）", kind="memory", overwrites=True
            ),
            LogPlace(channel="SLOWLOG（仅慢命令）", kind="memory", overwrites=True),
        ),
        settings=_settings(seen, "acllog-max-len", "slowlog-max-len"),
    )


def components(seen: Seen) -> DatabaseComponents:
    """Return loaded modules, and commands for debugging and loading that the settings leave open.

    Before version 7 there are no such settings: then the rights of accounts decide.
    """
    reply = seen.answer("MODULE", "LIST")
    if not isinstance(reply, tuple):
        raise NotSupported(_ODD)
    modules = [_module(one) for one in reply]
    features = [
        Component(name=one, kind="feature", trusted=False)
        for one in ("enable-debug-command", "enable-module-command")
        if seen.setting(one) == "yes"
    ]
    return DatabaseComponents(
        components=(*modules, *features),
        databases=tuple(dict.fromkeys(("db0", *seen.info("keyspace")))),
        databases_complete=True,
        samples=(),
    )


def _module(reply: Reply) -> Component:
    """Return one module of `MODULE LIST`: names and values in turn."""
    parts = reply if isinstance(reply, tuple) else ()
    known = {str(name): str(value) for name, value in zip(parts[::2], parts[1::2], strict=False)}
    if not known.get("name"):
        raise NotSupported(_ODD)
    return Component(name=known["name"], kind="module", version=known.get("ver", ""))


def labels(seen: Seen) -> DatabaseLabels:
    """Return that the product has no labels, once it has shown which product it is."""
    seen.info("server")
    return DatabaseLabels(offered=False)


def replication(seen: Seen) -> DatabaseReplication:
    """Return the part in a replication; the log of commands (AOF) is the only log of changes."""
    info = seen.info("replication")
    append = seen.setting("appendonly")
    standby = {"master": False, "slave": True}.get(info.get("role", ""))
    lag = info.get("master_last_io_seconds_ago", "")
    return DatabaseReplication(
        changes_logged=None if append is None else append == "yes",
        log_format="AOF" if append == "yes" else "",
        standby=standby,
        source=info.get("master_host") if standby else ("" if standby is False else None),
        source_running=info["master_link_status"] == "up" if "master_link_status" in info else None,
        source_lag_s=int(lag) if lag.isdecimal() else None,
        replicas=tuple(_replica(value) for name, value in info.items() if _REPLICA.fullmatch(name))
        if standby is not None
        else None,
        settings=_settings(seen, "appendonly", "save", "tls-replication"),
    )


def _replica(text: str) -> Replica:
    """Return one replica of `ip=…,port=…,state=…,offset=…,lag=…`."""
    known = dict(one.partition("=")[::2] for one in text.split(","))
    lag = known.get("lag", "")
    return Replica(
        address=known.get("ip", ""), state=known.get("state", ""), synchronous=False,
        lag_s=int(lag) if lag.isdecimal() else None,
    )  # fmt: skip


def residue(seen: Seen) -> DatabaseResidue:
    """Return whether slow commands are kept word for word; nothing overwrites what was deleted."""
    slower, length = seen.setting("slowlog-log-slower-than"), seen.setting("slowlog-max-len")
    major = seen.info("server").get("redis_version", "").partition(".")[0]
    off = (slower or "").startswith("-") or length == "0"
    return DatabaseResidue(
        statement_logs=() if off else ("SLOWLOG",),
        rewriting=True if major.isdecimal() and int(major) >= _REDACTS else None,
        scrubbed=False,
        settings=_settings(seen, "slowlog-log-slower-than", "slowlog-max-len"),
        settings_known=slower is not None,
    )
