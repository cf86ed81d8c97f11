"""Services that wait to be spoken to: one short question each, in their own protocol, without logging in."""

from __future__ import annotations

import re
import struct
from typing import Final

from . import bson, ldap, rpc
from .facts import Service
from .wire import Place, clip, talk

_POSTGRES_SSL: Final = struct.pack(">ii", 8, 80877103)
_X11_HELLO: Final = struct.pack("<cxHHHHxx", b"l", 11, 0, 0, 0)
_MONGO_OPCODE: Final = 2013
_MONGO_UNAUTHORISED: Final = frozenset({13, 18, 33})


async def redis(place: Place) -> Service | None:
    """PING is answered with PONG by a server that asks for no password."""
    async with talk(place) as talking:
        reply = await talking.ask(b"PING\r\n")
        without = True if reply.startswith(b"+PONG") else None
        if re.match(rb"-(NOAUTH|DENIED|NOPERM|ERR operation not permitted)", reply):
            without = False
        elif without is None:
            return None
        told = await talking.ask(b"INFO server\r\n") if without else b""
    version = re.search(rb"redis_version:([0-9.]+)", told)
    return Service(
        port=place.port, protocol="redis", how="reply", encrypted=False, without_login=without,
        version=clip(version.group(1)) if version else "", evidence=clip(reply.split(b"\r\n")[0]),
    )  # fmt: skip


async def memcached(place: Place) -> Service | None:
    """`version` is answered by a server without SASL."""
    async with talk(place) as talking:
        reply = await talking.ask(b"version\r\n")
    found = re.match(rb"VERSION ([\w.+-]{1,40})\r\n", reply)
    if not found:
        return None
    return Service(
        port=place.port, protocol="memcached", how="reply", encrypted=False, without_login=True,
        version=clip(found.group(1)), evidence=clip(reply),
    )  # fmt: skip


async def zookeeper(place: Place) -> Service | None:
    """`ruok` names the protocol; `srvr` is answered where the status words are open to everybody."""
    async with talk(place) as talking:
        reply = await talking.ask(b"ruok")
    if not (reply.startswith(b"imok") or b"not in the whitelist" in reply):
        return None
    async with talk(place) as talking:
        status = await talking.ask(b"srvr")
    version = re.search(rb"Zookeeper version: ([\w.-]{1,40})", status)
    return Service(
        port=place.port, protocol="zookeeper", how="reply", encrypted=False,
        without_login=True if version else None, version=clip(version.group(1)) if version else "",
        evidence=clip(status.split(b"\n")[0] if version else reply),
    )  # fmt: skip


async def mongodb(place: Place) -> Service | None:
    """`hello` names the protocol; the list of databases is for those who logged in."""
    async with talk(place) as talking:
        await talking.say(_mongo(1, {"hello": 1, "$db": "admin"}))
        hello = bson.reply(await talking.hear(), _MONGO_OPCODE)
        if hello is None or not {"maxWireVersion", "isWritablePrimary", "ok", "code"} & set(hello):
            return None
        await talking.say(_mongo(2, {"listDatabases": 1, "nameOnly": True, "$db": "admin"}))
        listed = bson.reply(await talking.hear(), _MONGO_OPCODE) or {}
    without: bool | None = None
    if listed.get("ok") == 1.0:
        without = True
    elif listed.get("code") in _MONGO_UNAUTHORISED:
        without = False
    return Service(
        port=place.port, protocol="mongodb", how="reply", encrypted=False, without_login=without,
        version=f"wire {hello.get('maxWireVersion', '')}".strip(),
        evidence=f"listDatabases ok={listed.get('ok')} code={listed.get('code')}",
    )  # fmt: skip


def _mongo(number: int, command: dict[str, int | str | bool]) -> bytes:
    body = struct.pack("<i", 0) + b"\0" + bson.encode(command)
    return struct.pack("<iiii", 16 + len(body), number, 0, _MONGO_OPCODE) + body


async def postgresql(place: Place) -> Service | None:
    """Ask whether the server would encrypt; it answers with one letter, before any name is given."""
    async with talk(place) as talking:
        reply = await talking.ask(_POSTGRES_SSL)
    if reply not in (b"S", b"N") and not re.match(rb"E(?:\0\0.{2}S|.{0,80}(?:FATAL|SSL))", reply, re.DOTALL):
        return None
    return Service(
        port=place.port, protocol="postgresql", how="reply", encrypted=False,
        offers_encryption=reply == b"S" if len(reply) == 1 else None, evidence=clip(reply[:60]),
    )  # fmt: skip


async def x11(place: Place) -> Service | None:
    """A display that admits a client without a cookie admits everybody to its screen and keyboard."""
    async with talk(place) as talking:
        reply = await talking.ask(_X11_HELLO)
    if len(reply) < 8 or reply[0] not in (0, 1, 2) or int.from_bytes(reply[2:4], "little") != 11:
        return None
    told = reply[8 : 8 + reply[1]] if reply[0] == 0 else b""
    return Service(
        port=place.port, protocol="x11", how="reply", encrypted=False, offers_encryption=False,
        without_login=reply[0] == 1, evidence=clip(told) or ("accepted" if reply[0] == 1 else "refused"),
    )  # fmt: skip


async def directory(place: Place) -> Service | None:
    """Read the root entry, which is open by design, and see whether the first suffix is open as well."""
    async with talk(place) as talking:
        root = ldap.entry(await talking.ask(ldap.search(1, "", ("namingContexts", "vendorName"))))
        if root is None:
            return None
        suffix = next(iter(root.values.get("namingcontexts", ())), "")
        inner = ldap.entry(await talking.ask(ldap.search(2, suffix, ("1.1",)))) if suffix else None
    without: bool | None = None
    if inner is not None and inner.code is not None:
        without = inner.found
    elif not suffix and root.code not in (0, None):
        without = False
    return Service(
        port=place.port, protocol="ldap", how="reply", encrypted=False, without_login=without,
        evidence=clip(f"rootDSE code={root.code} suffix code={inner.code if inner else None}"),
    )  # fmt: skip


async def rpcbind(place: Place) -> Service | None:
    """List the registered programs, and the exports of an NFS server among them."""
    async with talk(place) as talking:
        await talking.say(rpc.over_tcp(rpc.call(rpc.PORTMAP, 2, 4)))
        programs = rpc.programs(rpc.from_tcp(await talking.hear()))
    if programs is None:
        return None
    names = tuple(sorted({rpc.NAMES.get(one.number, str(one.number)) for one in programs}))[:20]
    exports = await _exports(place, programs)
    open_to_all = None if exports is None else any(not one.clients for one in exports)
    shared = tuple(
        f"{clip(one.path, 60)}（{clip(','.join(one.clients), 60) or '所有人'}）" for one in exports or ()
    )
    return Service(
        port=place.port, protocol="rpcbind", how="reply", encrypted=False,
        without_login=open_to_all if "nfs" in names else None, options=names, shared=shared,
        evidence=f"{len(programs)} programs",
    )  # fmt: skip


async def _exports(place: Place, programs: tuple[rpc.Program, ...]) -> tuple[rpc.Export, ...] | None:
    """Return what mountd exports, None where there is no mountd over TCP within the scope."""
    port = next((one.port for one in programs if one.number == rpc.MOUNT and one.transport == 6), 0)
    if not 0 < port < 65536:
        return None
    there = Place(place.context, place.asset, place.probe, place.address, port)
    async with talk(there) as talking:
        await talking.say(rpc.over_tcp(rpc.call(rpc.MOUNT, 3, 5)))
        return rpc.exports(rpc.from_tcp(await talking.hear()))


async def remote_shell(place: Place) -> Service | None:
    """Rsh, rlogin and rexec complain in words of their own when a client comes from an ordinary port."""
    async with talk(place) as talking:
        reply = await talking.ask(b"\0")
    found = re.match(
        rb"[\0\1]?(?:in\.)?(rlogind|rshd|rexecd|remshd)\b|\1(?:Permission denied|Login incorrect)", reply
    )
    if not found:
        return None
    name = {b"rlogind": "rlogin", b"rexecd": "rexec"}.get(found.group(1) or b"", "rsh")
    return Service(
        port=place.port, protocol=name, how="reply", encrypted=False, offers_encryption=False,
        evidence=clip(reply),
    )  # fmt: skip
