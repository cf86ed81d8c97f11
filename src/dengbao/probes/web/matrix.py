"""Asks every declared function as every role and as a stranger, and compares with the true answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Application, Asset, Marker, WebAsset, WebFunction
from ..base import Context, Observed
from .browser import Browser, Chain, opened
from .calls import shows
from .changing import carry_out
from .entering import as_web
from .facts_access import BLOCKED, Asked, FunctionSeen, RoleSeen, WebMatrix
from .firewall import is_bare
from .layout import address_of, beside, texts_of, usual
from .leaving import leave
from .login import turn
from .pages import describe
from .parties import (
    LIMITS,
    PURPOSE,
    Party,
    admit,
    ask_as,
    described,
    look_around,
    role_accounts,
    shut_out_by_now,
    stranger,
)
from .truth import Truth, compared, truth_of
from .ways import other_ways, polluted, writing_paths

MAX_FUNCTIONS: Final = 40
MAX_CELLS: Final = 600


async def probe(asset: Asset, context: Context) -> Observed:
    """Fill the matrix of roles and functions.

    Sends: one login with each role account; each declared function as every role account and as a stranger,
        directly, with the other method, with a method override and with its parameter twice; other
        accounts' objects; each one's home page, again where something else may have refused.
        Functions that change data only where `undo` takes it back, else nothing.
    Changes: sessions of the role accounts begin and end; what a function changed is taken back at once.
    Level: intrude.

    Raises:
        NotDeclared, and what a visit raises where the application gives no answer at all.

    """
    web = as_web(asset)
    app = described(web)
    async with turn(web), opened(web, context, probe="web.matrix", limits=LIMITS) as browser:
        matrix = Matrix(web, app, context, browser)
        try:
            await matrix.admit()
            functions = app.functions[:MAX_FUNCTIONS]
            for function in functions:
                await matrix.look_up(function)
            for function in functions:
                await matrix.ask(function)
            await matrix.look_back()
        finally:
            await matrix.leave()
        return Observed((matrix.facts(),), (), "、".join(one.id for one in matrix.parties if one.id))


@dataclass
class Matrix:
    """The work on one application."""

    web: WebAsset
    app: Application
    context: Context
    browser: Browser
    parties: list[Party] = field(default_factory=list)
    functions: list[FunctionSeen] = field(default_factory=list)
    cells: list[Asked] = field(default_factory=list)
    given: dict[str, list[tuple[Party, Asked, Chain]]] = field(default_factory=dict)

    async def admit(self) -> None:
        """Log in as each role account, after a look as a stranger."""
        nobody = await stranger(self.browser, self.web)
        accounts = role_accounts(self.web)
        if not accounts:
            raise NotDeclared(
                "没有登记角色的测试账户", where=f"测评对象 {self.web.id}", cure="为各角色登记账户并填写 role"
            )
        self.parties = [nobody]
        for account in accounts:
            self.parties.append(await admit(self.browser, self.web, self.context, account))
        for party in self.parties:
            if party.present:
                await look_around(party)

    async def ask(self, function: WebFunction) -> None:
        """Ask for one function as everybody."""
        if function.changes:
            cells, why = await carry_out(self.parties, function, self.context, PURPOSE)
            self.cells.extend(cells)
            self._note(function, skipped=why)
            return
        truths = {one.id: found for one, found in self._references(function)}
        usable = {one: truth for one, truth in truths.items() if not truth.why}
        if not usable:
            why = next((one.why for one in truths.values()), "没有可登录的有权账户")
            self._note(function, skipped=why)
            return
        first = next(iter(usable))
        self._note(function, reference=first)
        for party in self.parties:
            if party.role in function.roles and party.id:
                await self._others_objects(function, party, usable)
            elif party.present:
                await self._denied(function, party, first, usable[first])

    async def look_up(self, function: WebFunction) -> None:
        """Ask as those who may, each for an object of its own; before anybody else is asked for anything."""
        if function.changes:
            return
        for party in self.parties:
            if not party.present or not party.id or party.role not in function.roles:
                continue
            if function.objects and not function.objects.get(party.id):
                continue
            cell = self._cell(function, party, "own", party.id)
            try:
                chain = (await ask_as(party, function, _values(function, party.id), party.visitor)).chain
            except ProbeError as exc:
                self.cells.append(msgspec.structs.replace(cell, problem=exc.message))
                continue
            party.shown.append(chain)
            self.given.setdefault(function.id, []).append((party, cell, chain))

    def _references(self, function: WebFunction) -> Iterator[tuple[Party, Truth]]:
        """Yield those who may with what they were given: their answers are the truth."""
        for party, cell, chain in self.given.get(function.id, ()):
            layout = usual(self._beside(function, party))
            truth = truth_of(chain, function.shows, self._anybodys(party), layout)
            self.cells.append(_own_answer(cell, chain, truth, party))
            if not truth.why:
                party.proven.append((function, _values(function, party.id), truth))
            yield party, truth

    def _beside(self, function: WebFunction, party: Party) -> tuple[Chain, ...]:
        """Return what a party sees on other pages than those of a function."""
        return beside(party.shown, address_of(function, self.browser))

    def _anybodys(self, *parties: Party) -> list[Chain]:
        found = [one.unknown for one in (self.parties[0], *parties)]
        found += [one.entered.compare.login for one in parties if one.entered is not None]
        return [one for one in found if one is not None]

    async def _denied(self, function: WebFunction, party: Party, owner: str, truth: Truth) -> None:
        """Ask as somebody whose role may not, first as declared, then in other ways."""
        values = _values(function, owner)
        direct = self._cell(function, party, "vertical", owner)
        truth = truth.unlike(self._beside(function, party))
        if truth.why:
            self.cells.append(msgspec.structs.replace(direct, problem=truth.why))
            return
        seen = await self._try(direct, party, function, values, truth, None)
        if seen.granted is not False:
            return
        for way, call, headers in other_ways(function, writing_paths(self.app)):
            cell = msgspec.structs.replace(direct, way=way, request=f"{call.method} {function.path}")
            await self._try(cell, party, call, values, truth, None, headers)

    async def _others_objects(self, function: WebFunction, party: Party, truths: dict[str, Truth]) -> None:
        """Ask for what belongs to other accounts, as one that may use the function for its own."""
        mine = function.objects.get(party.id, ())
        if not party.present or not mine:
            return
        for owner, theirs in function.objects.items():
            foreign = next((one for one in theirs if one not in mine), None)
            if owner == party.id or foreign is None:
                continue
            cell = self._cell(function, party, "horizontal", owner)
            cell = msgspec.structs.replace(cell, across=self._across(party, owner))
            if foreign != theirs[0]:
                # What the owner was given is its first object: nothing shows that the other one exists.
                why = f"账户 {owner} 的首个对象与账户 {party.id} 共有，无从比对"
                self.cells.append(msgspec.structs.replace(cell, problem=why))
                continue
            own, true = truths.get(party.id), truths.get(owner)
            if own is None or true is None:
                lacking = party.id if own is None else owner
                why = f"账户 {lacking} 未取得本人的对象，无从比对"
                self.cells.append(msgspec.structs.replace(cell, problem=why))
                continue
            await self._foreign(function, party, cell, (mine[0], foreign), own, true)

    def _across(self, party: Party, owner: str) -> bool | None:
        """Tell whether an owner is of another institution than who asks; None where one has none declared."""
        mine = party.account.institution if party.account is not None else ""
        theirs = next((one.institution for one in self.web.accounts if one.id == owner), "")
        return mine != theirs if mine and theirs else None

    async def _foreign(
        self, function: WebFunction, party: Party, cell: Asked, ids: tuple[str, str], own: Truth, true: Truth
    ) -> None:
        """Ask for one foreign object; only what its page holds and the own object's does not tells."""
        common = usual(self._beside(function, party)) | texts_of(self._beside(function, party))
        told = truth_of(true.chain, Marker(), [*self._anybodys(party), own.chain], common)
        if told.why or not told.own:
            why = f"他人的对象与本人的对象无从比对：{told.why or '没有不同的内容'}"
            self.cells.append(msgspec.structs.replace(cell, problem=why))
            return
        seen = await self._try(cell, party, function, {"object": ids[1]}, told, own.chain)
        if seen.granted is not False:
            return
        for call in polluted(function, *ids):
            again = msgspec.structs.replace(cell, way="pollution")
            await self._try(again, party, call, {}, told, own.chain)

    async def _try(
        self,
        cell: Asked,
        party: Party,
        call: WebFunction,
        values: dict[str, str],
        truth: Truth,
        own_object: Chain | None,
        headers: dict[str, str] | None = None,
    ) -> Asked:
        if len(self.cells) >= MAX_CELLS:
            seen = msgspec.structs.replace(cell, problem=f"一次至多请求 {MAX_CELLS} 次，未请求")
        else:
            visitor = self.browser_of(party, headers)
            try:
                chain = (await ask_as(party, call, values, visitor)).chain
                known = texts_of(self._beside(call, party))
                seen = compared(cell, chain, truth, unknown=party.unknown, own_object=own_object, known=known)
                if seen.granted is False and is_bare(chain, known) and await shut_out_by_now(party):
                    seen = msgspec.structs.replace(seen, refusal=(*seen.refusal, f"{BLOCKED} home"))
            except ProbeError as exc:
                seen = msgspec.structs.replace(cell, problem=exc.message)
        self.cells.append(seen)
        return seen

    def browser_of(self, party: Party, headers: dict[str, str] | None) -> Browser:
        """Return the party's visitor, announcing each request; it may send headers of its own."""
        visitor = party.visitor.intruding(PURPOSE)
        return visitor.carrying(headers) if headers else visitor

    def _cell(self, function: WebFunction, party: Party, kind: str, owner: str) -> Asked:
        return Asked(
            function=function.id, account=party.id, role=party.role, kind=kind,
            request=f"{function.method} {function.path}", owner=owner if function.objects else "",
            at=datetime.now().astimezone(),
        )  # fmt: skip

    def _note(self, function: WebFunction, *, reference: str = "", skipped: str = "") -> None:
        self.functions.append(
            FunctionSeen(
                id=function.id, name=function.name, request=f"{function.method} {function.path}",
                roles=function.roles, post=function.post, changes=function.changes,
                objects=len(function.objects), reference=reference, skipped=skipped,
            )
        )  # fmt: skip

    async def leave(self) -> None:
        """End the sessions that began."""
        for party in self.parties:
            if party.entered is not None:
                await leave(party.visitor, self.web)

    async def look_back(self) -> None:
        """Ask everybody once more for what was shown: a session that ended refuses nothing."""
        for party in self.parties:
            if party.present:
                party.alive = await self._alive(party)

    async def _alive(self, party: Party) -> bool | None:
        if party.account is None:
            return await self._still_unknown(party)
        for call, values, truth in party.proven:
            if not isinstance(call, WebFunction):
                continue
            try:
                chain = (await ask_as(party, call, values, party.visitor)).chain
            except ProbeError:
                continue
            cell = self._cell(call, party, "own", party.id)
            return compared(cell, chain, truth, unknown=None).granted
        return await self._by_pages(party)

    async def _by_pages(self, party: Party) -> bool | None:
        """Tell by the protected pages, for an account that may use no function."""
        entered = party.entered
        if entered is None:
            return None
        for path, page in entered.during.seen.items():
            if not page.reached:
                continue
            try:
                chain = await party.visitor.visit(path)
            except ProbeError:
                continue
            # An answer that says in JSON that nobody is logged in has the status of the page, too.
            return describe(path, chain, entered.compare).reached
        return None

    async def _still_unknown(self, party: Party) -> bool | None:
        """Tell whether the server still answers a stranger as it did before."""
        if party.unknown is None:
            return None
        try:
            chain = await party.visitor.visit(party.unknown.first.url)
        except ProbeError:
            return None
        return chain.first.status == party.unknown.first.status

    def facts(self) -> WebMatrix:
        """Return what was seen."""
        roles = tuple(
            RoleSeen(
                id=one.id, role=one.role, logged_in=one.present if one.id else None, alive=one.alive,
                problem=one.problem,
                institution=one.account.institution if one.account is not None else "",
            )
            for one in self.parties
        )  # fmt: skip
        rest = self.app.functions[MAX_FUNCTIONS:]
        for function in rest:
            self._note(function, skipped=f"一次至多测试 {MAX_FUNCTIONS} 个功能")
        return WebMatrix(accounts=roles, functions=tuple(self.functions), cells=tuple(self.cells))


def _values(function: WebFunction, owner: str) -> dict[str, str]:
    own = function.objects.get(owner, ())
    return {"object": own[0]} if own else {}


def _own_answer(cell: Asked, chain: Chain, truth: Truth, party: Party) -> Asked:
    """Return the cell of somebody who may; an answer that cannot serve as the truth is not compared."""
    if not truth.why:
        return compared(cell, chain, truth, unknown=None)
    nothing = Truth(truth.chain, frozenset(), truth.marker)
    seen = compared(cell, chain, nothing, unknown=party.unknown)
    marker = shows(truth.marker, chain)
    return msgspec.structs.replace(seen, same_file=False, marker=False if marker is False else None)
