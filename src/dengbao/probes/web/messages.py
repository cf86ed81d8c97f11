"""Sends declared business messages right, then altered, unsigned, replayed and stale."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ...errors import NotDeclared, ProbeError
from ...model import Asset, Level, Message, WebAsset
from ..base import Context, Observed, Purpose
from .browser import Browser, clean_url, opened
from .calls import filled, packed, perform, placeholders, told_by
from .entering import as_web, enter
from .facts_tampering import MessageSeen, MessageTry, WebMessages
from .login import turn
from .signing import sign

PURPOSE: Final = Purpose(Level.INTRUDE, "篡改、重放自己的业务报文", "6.a.2")
MOST_FIELDS: Final = 8
STALE_S: Final = 900.0
_REFUSING: Final = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 412, 415, 422, 428})
# The statuses of an undo by which there is nothing to take back; one who may not is told otherwise.
_NOTHING: Final = frozenset({200, 400, 404, 409, 410, 422})


@dataclass(frozen=True)
class Packet:
    """A message ready to be sent, again and again the same."""

    fields: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


async def probe(asset: Asset, context: Context) -> Observed:
    """Send each declared message right, in every wrong way, and right again.

    Sends: per message two right ones, an empty one, one for each of at most 8 fields altered, one unsigned,
        one signed with another key, one replayed, one stale; the request that takes a right one back, if
        declared.
    Changes: what a right message does, taken back where `undo` is declared.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    seen: list[MessageSeen] = []
    async with opened(web, context, probe="web.messages") as browser:
        for message in _declared(web):
            async with _as(browser, web, context, message) as visitor:
                seen.append(await _Sender(web, context, message, visitor.intruding(PURPOSE)).run())
    return Observed((WebMessages(messages=tuple(seen)),), privilege="报文密钥")


async def undo(asset: Asset, context: Context) -> None:
    """Take back right messages that an earlier run sent and did not take back."""
    web = as_web(asset)
    async with opened(web, context, probe="web.messages") as browser:
        for debt in context.ledger.debts():
            message = next((one for one in _declared(web) if debt.key.startswith(f"{one.id}/")), None)
            if message is None or message.undo is None:
                raise NotDeclared(f"报文未登记撤销方法：{debt.what}", cure="登记 messages[].undo，或人工撤销")
            async with _as(browser, web, context, message) as visitor:
                await _Sender(web, context, message, visitor).take_back([debt.key])


def _declared(web: WebAsset) -> tuple[Message, ...]:
    return web.app.messages if web.app is not None else ()


@asynccontextmanager
async def _as(browser: Browser, web: WebAsset, context: Context, message: Message) -> AsyncIterator[Browser]:
    """Give a visitor that is logged in where the message needs it."""
    if not message.account:
        yield browser.fork()
        return
    async with turn(web):
        yield (await enter(browser, web, context, message.account)).visitor


@dataclass
class _Sender:
    """Sends one message in its ways; what right ones do is owed before they are sent."""

    web: WebAsset
    context: Context
    message: Message
    visitor: Browser
    tries: list[MessageTry] = field(default_factory=list)
    owed: list[str] = field(default_factory=list)
    _run: str = field(default_factory=lambda: secrets.token_hex(6))

    async def run(self) -> MessageSeen:
        """Send the message in every way, then take back what was or may have been carried out."""
        message = self.message
        try:
            first = self._packet()
            await self._send("right", first)
            if self.tries[-1].accepted:
                await self._wrong(first)
                await self._send("right", self._packet())
                await self._send("empty", Packet({}, {}, b""))
        finally:
            await self.take_back(self.owed)
        account = self.web.find_account(message.account)
        return MessageSeen(
            id=message.id, name=message.name, role=account.role if account else "",
            request=f"{message.method} {clean_url(self.visitor.resolve(message.path))}",
            signed=message.signature is not None, timed=bool(message.timestamp_field),
            once=bool(message.nonce_field), tries=tuple(self.tries), age_s=self._age_s,
        )  # fmt: skip

    @property
    def _age_s(self) -> float | None:
        if not self.message.timestamp_field:
            return None
        return max(STALE_S, 2 * (self.message.fresh_s or 0.0))

    async def _wrong(self, first: Packet) -> None:
        """Send what must be refused, each with a fresh number and time: nothing else may explain it."""
        if self.message.nonce_field or self.message.timestamp_field:
            await self._send("replayed", first)
        if self.message.signature is not None:
            for name in self._alterable():
                packet = self._packet()
                await self._send("altered", self._altered(packet, name), name)
            await self._send("unsigned", self._packet(key=None))
            await self._send("wrong_key", self._packet(key=secrets.token_hex(16)))
        if self._age_s is not None:
            await self._send("stale", self._packet(age_s=self._age_s))

    def _alterable(self) -> tuple[str, ...]:
        """Return the fields to alter: never one that tells what is to be taken back afterwards."""
        message = self.message
        apart = {message.timestamp_field, message.nonce_field}
        apart |= {message.signature.field} if message.signature else set()
        if message.undo is not None:
            apart |= placeholders((message.undo.path, *message.undo.fields.values()))
        return tuple(one for one in message.fields if one not in apart)[:MOST_FIELDS]

    def _packet(self, *, key: str | None = "", age_s: float = 0.0) -> Packet:
        """Return a fresh message; `key` "" is the declared one, None leaves the signature away."""
        message = self.message
        fields = {name: filled(text, {}) for name, text in message.fields.items()}
        if message.timestamp_field:
            fields[message.timestamp_field] = _stamp(message.timestamp_format, time.time() - age_s)
        if message.nonce_field:
            fields[message.nonce_field] = secrets.token_hex(16)
        recipe = message.signature
        headers: dict[str, str] = {}
        if recipe is not None and key is not None:
            secret = key or self.context.secrets.resolve(recipe.key, label=f"{self.web.id}/{message.id}")
            signature = sign(recipe, fields, self._body(fields), secret)
            if recipe.field:
                fields[recipe.field] = signature
            if recipe.header:
                headers[recipe.header] = signature
        return Packet(fields, headers, self._body(fields))

    def _body(self, fields: Mapping[str, str]) -> bytes:
        return packed(self.message, self.visitor.resolve(self.message.path), fields, {})[1]

    def _altered(self, packet: Packet, name: str) -> Packet:
        fields = {**packet.fields, name: altered_text(packet.fields[name])}
        return Packet(fields, packet.headers, self._body(fields))

    async def take_back(self, keys: list[str]) -> None:
        """Send the declared request that takes a message back once for each that may have been carried out.

        Where the application says that there is nothing to take back, the rest was not carried out either.
        """
        if self.message.undo is None:
            return
        values = {name: text for name, text in self.message.fields.items() if "." not in name}
        nothing = False
        for key in keys:
            if not nothing:
                reply = await perform(self.visitor, self.message.undo, values, note="撤销自己的报文")
                done = reply.done if reply.done is not None else 200 <= reply.status < 300
                nothing = not done and reply.status in _NOTHING
                if not done and not nothing:
                    return
            self.context.ledger.settle(key)

    async def _send(self, way: str, packet: Packet, name: str = "") -> None:
        message, at = self.message, datetime.now(UTC)
        url, body, kind = packed(message, self.visitor.resolve(message.path), packet.fields, {})
        try:
            self.visitor.require_encrypted(url)
        except ProbeError as exc:
            self.tries.append(MessageTry(way=way, field=name, at=at, problem=exc.message))
            return
        headers = {**packet.headers, **({"Content-Type": kind} if kind else {})}
        if way == "empty" and message.style == "json":
            # Not even JSON: one that looks at no field at all might take an empty object for right.
            body, headers["Content-Type"] = b"{", "application/json"
        key = f"{message.id}/{self._run}/{len(self.tries)}"
        owes = message.undo is not None and way != "empty"  # nothing stands in an empty one
        if owes:
            self.context.ledger.owe(key, f"业务报文“{message.name}”已发送，须撤销")
            self.owed.append(key)
        told = f"{_WAYS[way]}{f'：{name}' if name else ''}，值不记录"
        try:
            answer = await self.visitor.send(message.method, url, content=body, headers=headers, note=told)
            chain = await self.visitor.follow(answer)
        except ProbeError as exc:
            self.tries.append(MessageTry(way=way, field=name, at=at, problem=exc.message))
            return
        done = told_by(message, chain)
        accepted = done if done is not None else (False if chain.first.status in _REFUSING else None)
        if accepted is False and owes:
            self.owed.remove(key)
            self.context.ledger.settle(key)
        self.tries.append(
            MessageTry(way=way, field=name, at=at, status=chain.first.status, accepted=accepted)
        )


_WAYS: Final = {
    "right": "原样", "altered": "改动字段", "unsigned": "去掉签名", "wrong_key": "换用别的密钥签名",
    "replayed": "原样重放", "stale": "时间戳过期", "empty": "残缺报文",
}  # fmt: skip


def altered_text(text: str) -> str:
    """Return a value of the same shape that differs in its last letter or digit; empty becomes `1`."""
    for place in range(len(text) - 1, -1, -1):
        one = text[place]
        if one.isascii() and one.isdigit():
            return f"{text[:place]}{(int(one) + 1) % 10}{text[place + 1 :]}"
        if one.isascii() and one.isalpha():
            return f"{text[:place]}{'b' if one == 'a' else 'a'}{text[place + 1 :]}"
    return f"{text}1"


def _stamp(form: str, at_s: float) -> str:
    if form == "unix":
        return str(int(at_s))
    if form == "unix_ms":
        return str(int(at_s * 1000))
    return datetime.fromtimestamp(at_s).astimezone().strftime(form)
