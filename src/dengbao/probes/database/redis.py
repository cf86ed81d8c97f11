"""Looks at a Redis server: accounts, password states, settings, never a key's value."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from ...errors import NoPermission, NotSupported, ProbeError, ProbeIncapable
from ...model import Asset, DatabaseAsset, Facts
from ..base import Context, Observed, missing
from . import redis_acl, redis_system
from .facts import (
    AuditChannel,
    DatabaseAccess,
    DatabaseAccounts,
    DatabaseAudit,
    DatabaseGrants,
    DatabasePasswords,
    DatabasePolicy,
    DatabaseSensitive,
    DatabaseServer,
    DatabaseStorage,
    Setting,
)
from .redis_wire import Opened, Refusal, Reply, open_redis
from .session import Transcript
from .system_facts import (
    DatabaseComponents,
    DatabaseLabels,
    DatabaseLogs,
    DatabaseReplication,
    DatabaseResidue,
)

# Asked one by one: a pattern would bring the passwords that stand among the settings.
_SETTINGS: Final = (
    "bind", "protected-mode", "port", "tls-port", "tls-auth-clients", "tls-protocols", "tls-replication",
    "timeout", "maxclients", "appendonly", "save", "rdbchecksum", "aclfile", "acllog-max-len",
    "slowlog-log-slower-than", "slowlog-max-len", "logfile", "loglevel", "syslog-enabled", "masteruser",
    "enable-protected-configs", "enable-debug-command", "enable-module-command", "unixsocketperm",
)  # fmt: skip
_COMMANDS: Final = (
    "config", "flushall", "flushdb", "keys", "shutdown", "debug", "eval", "module", "replicaof", "slaveof",
    "monitor", "acl", "save",
)  # fmt: skip
_EVERYWHERE: Final = frozenset({"", "*", "0.0.0.0", "::", "::*"})  # noqa: S104 - addresses read, not bound
_BIND_ENDS_NO_PROTECTION: Final = 7
_DEFAULT_TLS: Final = ("TLSv1.2", "TLSv1.3")
_MAX_CELL: Final = 400


class Seen:
    """What the server answered: each question once, refusals kept apart from answers."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.transcript = Transcript()
        self._answers: dict[tuple[str, ...], Reply] = {}

    def gather(self) -> None:
        """Ask everything in one batch."""
        questions: list[tuple[str, ...]] = [
            ("ACL", "WHOAMI"), ("INFO", "server"), ("INFO", "replication"), ("INFO", "keyspace"),
            ("ACL", "LIST"), ("COMMAND", "INFO", *_COMMANDS), ("MODULE", "LIST"),
            *(("CONFIG", "GET", one) for one in _SETTINGS),
        ]  # fmt: skip
        for words, reply in zip(questions, self.opened.talk.batch(questions), strict=True):
            self._answers[words] = reply
            self.transcript.question(" ".join(words))
            self.transcript.note(_shown(reply))

    def answer(self, *words: str) -> Reply:
        """Return an answer.

        Raises:
            NoPermission: the account may not ask that, or the command was renamed.
            NotSupported: the version does not know it.

        """
        reply = self._answers.get(words)
        if not isinstance(reply, Refusal):
            return reply
        if reply.kind in ("NOPERM", "NOAUTH"):
            said = f"账户无权执行 {' '.join(words[:2])}（{reply.text[:120]}）"
            raise NoPermission(said, cure=_grant(words))
        if reply.kind == "ERR" and "unknown command" in reply.text.lower():
            raise NotSupported(f"服务器没有命令 {words[0]}（版本过旧，或已重命名、禁用）")
        raise NotSupported(f"服务器未回答 {' '.join(words[:2])}（{reply.text[:120]}）")

    def info(self, section: str) -> Mapping[str, str]:
        """Return a section of INFO."""
        reply = self.answer("INFO", section)
        lines = reply.splitlines() if isinstance(reply, str) else ()
        return {key: value for key, mark, value in (one.partition(":") for one in lines) if mark}

    def setting(self, name: str) -> str | None:
        """Return a setting, None where the version does not have it."""
        reply = self.answer("CONFIG", "GET", name)
        if isinstance(reply, tuple) and len(reply) >= 2 and isinstance(reply[1], str):
            return reply[1]
        return None

    def users(self) -> tuple[redis_acl.AclUser, ...]:
        """Return the accounts; before version 6 there is only `default`, with the server's one password."""
        try:
            reply = self.answer("ACL", "LIST")
        except NotSupported:
            if self.opened.anonymous is None:
                raise
            old = redis_acl.AclUser(
                "default", on=True, nopass=self.opened.anonymous, hashes=0 if self.opened.anonymous else 1
            )
            for token in ("~*", "+@all"):
                old.selectors[0].take(token)
            return (old,)
        lines = reply if isinstance(reply, tuple) else ()
        return redis_acl.read_users(one for one in lines if isinstance(one, str))

    def gone(self) -> frozenset[str]:
        """Return the commands that exist for nobody under their name; none where that is not told."""
        try:
            reply = self.answer("COMMAND", "INFO", *_COMMANDS)
        except ProbeError:
            return frozenset()
        if not isinstance(reply, tuple) or len(reply) != len(_COMMANDS):
            return frozenset()
        return frozenset(name for name, one in zip(_COMMANDS, reply, strict=True) if one is None)


def _grant(words: tuple[str, ...]) -> str:
    rule = "|".join(one.lower() for one in words[:2]) if words[0] in ("ACL", "CONFIG") else words[0].lower()
    return f"为检测账户执行 ACL SETUSER … +{rule}"


def _shown(reply: Reply) -> str:
    if isinstance(reply, Refusal):
        return f"拒绝：{reply.text[:_MAX_CELL]}"
    if isinstance(reply, tuple):
        return " | ".join(_shown(one) for one in reply[:200])[: 4 * _MAX_CELL]
    return redis_acl.masked(str(reply)).replace("\r\n", " ")[: 4 * _MAX_CELL]


def _server(seen: Seen) -> DatabaseServer:
    info = seen.info("server")
    who = _quiet(seen, "ACL", "WHOAMI") or "default"
    mine = next((one for one in _users_or_none(seen) if one.name == who), None)
    valkey = info.get("server_name", "") == "valkey"
    return DatabaseServer(
        product="redis",
        version=f"Valkey {info['valkey_version']}"
        if valkey and "valkey_version" in info
        else info.get("redis_version", ""),
        user=who,
        superuser=None if mine is None else redis_acl.account(mine, seen.gone()).superuser,
        encrypted=bool(seen.opened.tls_version),
        tls_version=seen.opened.tls_version,
        tls_cipher=seen.opened.tls_cipher,
        certificate_checked=seen.opened.checked,
    )


def _quiet(seen: Seen, *words: str) -> str:
    try:
        reply = seen.answer(*words)
    except ProbeError:
        return ""
    return reply if isinstance(reply, str) else ""


def _users_or_none(seen: Seen) -> tuple[redis_acl.AclUser, ...]:
    try:
        return seen.users()
    except ProbeError:
        return ()


def _accounts(seen: Seen) -> DatabaseAccounts:
    gone = seen.gone()
    return DatabaseAccounts(accounts=tuple(redis_acl.account(one, gone) for one in seen.users()))


def _passwords(seen: Seen) -> DatabasePasswords:
    return DatabasePasswords(passwords=tuple(redis_acl.password(one) for one in seen.users()))


def _policy(seen: Seen) -> DatabasePolicy:
    timeout = seen.setting("timeout")
    return DatabasePolicy(
        idle_timeouts=() if timeout is None else (Setting(name="timeout", value=timeout),),
        settings=_settings(seen, "maxclients", "acllog-max-len"),
    )


def _settings(seen: Seen, *names: str) -> tuple[Setting, ...]:
    found = ((one, seen.setting(one)) for one in names)
    return tuple(Setting(name=one, value=value) for one, value in found if value is not None)


def _access(seen: Seen) -> DatabaseAccess:
    bind = seen.setting("bind")
    listens = None if bind is None else tuple(one.lstrip("-") for one in bind.split()) or ("*",)
    plain, secure = seen.setting("port"), seen.setting("tls-port") or "0"
    tls = secure != "0"
    protocols = seen.setting("tls-protocols")
    gone = seen.gone()
    closed = (Setting(name="disabled-commands", value=" ".join(sorted(gone))),) if gone else ()
    return DatabaseAccess(
        listens=listens or (),
        remote=_remote(seen, listens),
        tls_enabled=tls,
        tls_versions=tuple((protocols or "").split()) or _DEFAULT_TLS if tls else None,
        tls_required=None if plain is None else tls and plain == "0",
        anonymous=seen.opened.anonymous,
        settings=(
            *_settings(seen, "protected-mode", "port", "tls-port", "tls-auth-clients", "masteruser"),
            *_role(seen),
            *closed,
        ),
    )


def _role(seen: Seen) -> tuple[Setting, ...]:
    """Return the part in a replication; how replicas prove who they are stands beside secrets, unasked."""
    try:
        info = seen.info("replication")
    except ProbeError:
        return ()
    return tuple(
        Setting(name=one, value=info[one])
        for one in ("role", "connected_slaves", "master_link_status")
        if one in info
    )


def _remote(seen: Seen, listens: tuple[str, ...] | None) -> bool | None:
    """Tell whether other machines can connect.

    Protected mode keeps them out as long as the default user needs no password and is on; before
    version 7 it does nothing where addresses are set.
    """
    if listens is None:
        return None
    if not any(_is_far(one) for one in listens):
        return False
    default = next((one for one in _users_or_none(seen) if one.name == "default"), None)
    protected = seen.setting("protected-mode") == "yes"
    if not (protected and default is not None and default.nopass):
        return True
    return False if not seen.setting("bind") else _before_seven(seen)


def _before_seven(seen: Seen) -> bool | None:
    """Tell whether it is a version before 7, None where it does not say."""
    try:
        major = seen.info("server").get("redis_version", "").partition(".")[0]
    except ProbeError:
        return None
    return int(major) < _BIND_ENDS_NO_PROTECTION if major.isdecimal() else None


def _is_far(address: str) -> bool:
    return address in _EVERYWHERE or not (address.startswith("127.") or address in ("::1", "localhost"))


def _grants(seen: Seen) -> DatabaseGrants:
    spaces = seen.info("keyspace")
    keys = [value.partition("keys=")[2].partition(",")[0] for value in spaces.values()]
    return DatabaseGrants(
        databases=tuple(spaces),
        tables=sum(int(one) for one in keys if one.isdecimal()),
        unit="key",
        grants=redis_acl.grants(seen.users()),
    )


def _audit(seen: Seen) -> DatabaseAudit:
    """Return what Redis has instead of an audit: two short lists in memory that a restart empties."""
    length, slower = seen.setting("acllog-max-len"), seen.setting("slowlog-log-slower-than")
    return DatabaseAudit(
        channels=(
            AuditChannel(
                name=f"ACL LOG（内存中最近 {length or '?'} 条拒绝记录）",
                active=None if length is None else length != "0",
                events=("failed_login",),
                fields=("time", "user", "source", "type", "result", "object"),
                sink="memory",
            ),
            AuditChannel(
                name="SLOWLOG（仅慢命令）",
                active=None if slower is None else not slower.startswith("-"),
                events=(),
                fields=("time", "source", "type"),
                sink="memory",
            ),
        ),
        settings=_settings(
            seen, "acllog-max-len", "slowlog-log-slower-than", "slowlog-max-len", "logfile", "loglevel",
            "syslog-enabled",
        ),
    )  # fmt: skip


def _sensitive(_seen: Seen) -> DatabaseSensitive:
    raise NotSupported("Redis 为键值库，没有列，不抽样", cure="以应用设计文档与人工佐证补充")


def _storage(seen: Seen) -> DatabaseStorage:
    """Return whether a snapshot on disk is checked; the log of commands (AOF) has no checksum of its own."""
    append, save, check = (seen.setting(one) for one in ("appendonly", "save", "rdbchecksum"))
    known = append == "no" and bool(save) and check is not None
    checked = check == "yes" if known else None
    return DatabaseStorage(
        page_checksums=checked,
        algorithm="CRC64" if checked else "",
        unit="snapshot",
        settings=_settings(seen, "save", "rdbchecksum", "appendonly"),
    )


_READERS: Final[Mapping[type[Facts], Callable[[Seen], Facts]]] = {
    DatabaseServer: _server,
    DatabaseAccounts: _accounts,
    DatabasePasswords: _passwords,
    DatabasePolicy: _policy,
    DatabaseAccess: _access,
    DatabaseGrants: _grants,
    DatabaseAudit: _audit,
    DatabaseSensitive: _sensitive,
    DatabaseStorage: _storage,
    DatabaseLogs: redis_system.logs,
    DatabaseComponents: redis_system.components,
    DatabaseLabels: redis_system.labels,
    DatabaseReplication: redis_system.replication,
    DatabaseResidue: redis_system.residue,
}


async def probe(asset: Asset, context: Context) -> Observed:
    """Read accounts, password states, settings and limits of a Redis server.

    Sends: one PING before the login, at most one AUTH, then one batch of INFO, ACL LIST, ACL WHOAMI,
        COMMAND INFO, MODULE LIST and CONFIG GET by name; no key is read, nothing is set.
    Changes: nothing. A refused command is noted by the server in its ACL LOG.
    Level: login.

    Raises:
        NotDeclared, OutOfScope, Unreachable, TimedOut, LoginRefused, ProtocolMismatch: nothing was seen.
        NoPermission: protected mode; the server talks to its own machine only.

    """
    if not isinstance(asset, DatabaseAsset):
        raise NotSupported("不是数据库测评对象")
    return await asyncio.to_thread(_look, asset, context)


def _look(asset: DatabaseAsset, context: Context) -> Observed:
    try:
        with open_redis(asset, context) as opened:
            if opened.refused is not None:
                return _outside(opened, opened.refused)
            seen = Seen(opened)
            seen.gather()
    except UnicodeError as error:
        raise ProbeIncapable(f"本机无法编码连接参数（{error}）", cure="核对账户与口令") from error
    context.keep("redis.txt", seen.transcript.data())
    return _read_all(seen)


def _read_all(seen: Seen) -> Observed:
    found: list[Facts] = []
    lacks = []
    for kind, read in _READERS.items():
        try:
            found.append(read(seen))
        except ProbeError as error:
            lacks.append(missing(kind, error, error.reason))
            if kind is DatabaseAccess and seen.opened.anonymous:
                found.append(_seen_from_outside(seen.opened))
                lacks.pop()
    server = next((one for one in found if isinstance(one, DatabaseServer)), None)
    return Observed(facts=tuple(found), missing=tuple(lacks), privilege=server.user if server else "")


def _seen_from_outside(opened: Opened) -> DatabaseAccess:
    return DatabaseAccess(tls_enabled=True if opened.tls_version else None, anonymous=opened.anonymous)


def _outside(opened: Opened, why: ProbeError) -> Observed:
    """Return the little that can be seen without a login."""
    lacks = tuple(missing(kind, why, why.reason) for kind in _READERS if kind is not DatabaseAccess)
    return Observed(facts=(_seen_from_outside(opened),), missing=lacks)
