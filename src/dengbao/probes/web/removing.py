"""Takes back what submissions created: by its id, or, where the answer was lost, by what a list now shows."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ...errors import ProbeError, ProtocolMismatch
from ...model import InputForm, Level
from ..base import Ledger, Purpose
from .answers import taken_back
from .browser import Browser, Chain
from .calls import filled, perform, placeholders
from .listed import Before, bears, before, fresh, ids_on, is_whole, path_of

Again = Callable[[], Awaitable[tuple[str, str]]]
REMOVE: Final = Purpose(Level.INTRUDE, "删除检测时由表单新建的数据", "4.d.2")


def by_id(form: InputForm) -> bool:
    """Tell whether what a form creates can only be taken back by its id."""
    if form.remove is None:
        return False
    return "created" in placeholders((form.remove.path, form.remove.page, *form.remove.fields.values()))


def run_on(ids: Sequence[str]) -> bool:
    """Tell whether ids leave no number out, so that what was sent between them created nothing.

    Either the last is the first one again, which it is not while a later record stands, or there is no gap.
    """
    if not all(one.isascii() and one.isdigit() for one in ids) or len(ids) < 2:
        return False
    return int(ids[-1]) - int(ids[0]) in (0, len(ids) - 1)


@dataclass
class Removing:
    """Takes back what one form created, as one visitor; `nonce` marks the run in values and ledger."""

    form: InputForm
    visitor: Browser
    ledger: Ledger
    nonce: str = field(default_factory=lambda: secrets.token_hex(4))

    def key(self) -> str:
        """Return a new key to owe a submission under; it tells which run sent it."""
        return f"{self.form.id}/{self.nonce}{secrets.token_hex(2)}"

    async def look(self) -> None:
        """Remember, before anything is sent, what stands on the list: an answer may get lost.

        Sends: the list.
        """
        if not path_of(self.form) or not by_id(self.form):
            return
        try:
            found = before(await self._list(), self.form)
        except ProbeError:
            return
        self.ledger.remember(_memory(self.form.id, self.nonce), msgspec.json.encode(found).decode())

    async def _list(self) -> Chain:
        """Return the list.

        Raises:
            ProtocolMismatch: another page came, as where the session has ended; and what a visit raises.

        """
        chain = await self.visitor.visit(path_of(self.form))
        document = chain.last.document
        if not 200 <= chain.last.status < 300 or document.password_form or document.json_error:
            raise ProtocolMismatch("列出所建数据的页面未能打开", cure="核对 app.inputs 的 listed")
        return chain

    async def take_back(self, key: str, created: str) -> bool:
        """Send the request that takes a submission back; tell whether that is done."""
        done = await self._remove(created)
        if done:
            self.ledger.settle(key)
        return done

    async def _remove(self, created: str) -> bool:
        if self.form.remove is None:
            return False
        visitor = self.visitor.intruding(REMOVE)
        try:
            values = {"created": created} if created else {}
            reply = await perform(visitor, self.form.remove, values, note="删除检测时新建的数据")
        except ProbeError:
            return False
        # Without an id, "there is nothing" is as good as "it is gone".
        nothing = not created and reply.done is False and reply.status in (200, 303, 400, 409, 422)
        return taken_back(reply, self.form) or nothing

    async def recover(self, keys: Sequence[str], again: Again) -> bool:
        """Take back what submissions of unknown outcome created; tell whether nothing of them is left.

        What did not stand on the list before the run, and bears a value that was entered, is ours. Where
        fewer are found than were sent, the others created nothing only if the list shows what is created:
        `again` submits right values once more and returns the key it is owed under and its id, empty
        where that failed; the id must then stand on the list.

        Sends: the list, each such record's page, the request that removes it, perhaps one more submission.
        """
        if not keys:
            return True
        try:
            return await self._recover(keys, again)
        except ProbeError:
            return False

    async def _recover(self, keys: Sequence[str], again: Again) -> bool:
        runs = {nonce: self._remembered(nonce) for nonce in {_run_of(one) for one in keys}}
        known = {nonce: one for nonce, one in runs.items() if one is not None}
        if len(known) < len(runs):
            return False
        ours = await self._ours(known)
        if len(ours) > len(keys):
            return False  # somebody else enters the same
        if not all([await self._remove(one) for one in ours]):
            return False
        chain = await self._list()
        listed = ids_on(chain, self.form)
        if any(one in listed for one in ours):
            return False
        shown = len(ours) == len(keys) or (bool(ours) and is_whole(chain, listed))
        if not shown and not await self._would_show(again):
            return False
        for key in keys:
            self.ledger.settle(key)
        return True

    async def _ours(self, runs: Mapping[str, Before]) -> list[str]:
        chain = await self._list()
        ours: list[str] = []
        for nonce, earlier in runs.items():
            if not earlier.whole and earlier.above is None:
                continue  # what is new on the page may be old on the list
            for one, text in fresh(chain, self.form, earlier).items():
                if one not in ours and await self._bears(one, text, nonce):
                    ours.append(one)
        return ours

    async def _bears(self, one: str, text: str, nonce: str) -> bool:
        """Tell whether a record bears what was entered: in its line of the list, or on its own page."""
        if bears(text, self.form, nonce):
            return True
        if "created" not in placeholders((self.form.shown,)):
            return False
        try:
            chain = await self.visitor.visit(filled(self.form.shown, {"created": one}, in_path=True))
        except ProbeError:
            return False
        return bears(chain.last.document.source, self.form, nonce)

    async def _would_show(self, again: Again) -> bool:
        """Tell whether what is created stands on the list, all of which is on one page."""
        if self._remembered(self.nonce) is None:
            await self.look()
        key, created = await again()
        if not created:
            return False
        chain = await self._list()
        listed = ids_on(chain, self.form)
        gone = await self.take_back(key, created)
        return gone and created in listed and is_whole(chain, listed)

    def _remembered(self, nonce: str) -> Before | None:
        text = self.ledger.recall(_memory(self.form.id, nonce))
        try:
            return msgspec.json.decode(text, type=Before) if text is not None and path_of(self.form) else None
        except msgspec.DecodeError:
            return None


def _run_of(key: str) -> str:
    return key.partition("/")[2][:8]


def _memory(form: str, nonce: str) -> str:
    return f"{form}/{nonce}/before"
