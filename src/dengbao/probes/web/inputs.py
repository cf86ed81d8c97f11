"""Sends declared forms right, then with one wrong value at a time, and takes back what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from ...errors import NotDeclared, ProbeError
from ...model import Asset, InputForm, Level, WebAsset
from ..base import Context, Observed, Purpose
from .answers import created_by, cut_short, escaped_in, outcome_of, words_in
from .browser import Browser, Chain, Limits, clean_url, opened
from .calls import FilePart, Reply, filled, perform
from .entering import Unclear, as_web, enter
from .facts_inputs import FormSeen, InputTry, WebInputs
from .input_words import MARKUP, WAYS
from .leaving import leave
from .login import turn
from .page_limits import field_limits, page_refuses
from .reading import Field
from .removing import Removing, by_id, run_on
from .statements import PAIR, control, joined, rows_alone, spliced, wanted
from .wrong import Wrong, own_file, right_file, wrong_values

LIMITS: Final = Limits(all_s=420.0)
MOST_FORMS: Final = 10
MOST_TRIES: Final = 80
MOST_DOUBTS: Final = 12
_SEND: Final = Purpose(Level.INTRUDE, "向登记的表单提交一处错误的内容", "4.d.2")
_NUMBERS: Final = ("integer", "decimal")


@dataclass
class _Visits:
    """Visitors by account, each logged in once."""

    browser: Browser
    web: WebAsset
    context: Context
    entered: dict[str, Browser] = field(default_factory=dict)

    async def of(self, account: str) -> Browser:
        if account not in self.entered:
            found = await enter(self.browser, self.web, self.context, account)
            self.entered[account] = found.visitor
        return self.entered[account]

    async def end(self) -> None:
        for one in self.entered.values():
            await leave(one, self.web)


async def probe(asset: Asset, context: Context) -> Observed:
    """Send each declared form right, then with one wrong value at a time, and right again.

    Sends: one login for each account; at most 80 submissions of each of at most 10 forms, each with the page
        the form stands on; the request that takes one back; the page on which it is shown; a logout.
    Changes: what a form creates comes into being and is taken back at once; each is owed before.
    Level: intrude.

    Raises:
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    forms = web.app.inputs if web.app is not None else ()
    seen: list[FormSeen] = []
    async with turn(web), opened(web, context, probe="web.inputs", limits=LIMITS) as browser:
        visits = _Visits(browser, web, context)
        for form in forms[:MOST_FORMS]:
            typist = _Typist(web, context, form, await visits.of(form.account))
            seen.append(await typist.run())
        await visits.end()
    seen.extend(_untried(web, context, form) for form in forms[MOST_FORMS:])
    roles = "、".join(dict.fromkeys(one.role for one in seen if one.role))
    return Observed((WebInputs(forms=tuple(seen)),), privilege=f"账户角色 {roles or '未填'}")


def _untried(web: WebAsset, context: Context, form: InputForm) -> FormSeen:
    return FormSeen(
        id=form.id, name=form.name, request=f"{form.method} {clean_url(form.path)}",
        role=context.account(web, form.account).role, problem=f"一次至多测试 {MOST_FORMS} 个表单",
    )  # fmt: skip


async def undo(asset: Asset, context: Context) -> None:
    """Take back what submissions of an earlier run created, also where their answers were lost.

    Sends: one login for each account; the request that takes one back; where the id is not known, the list
        that tells it, and perhaps one more submission of right values, which the list must show.
    Changes: what the forms created is removed.
    Level: intrude.

    Raises:
        Unclear: of a submission it is not known what it created; and what a visit raises.

    """
    web = as_web(asset)
    forms = {one.id: one for one in (web.app.inputs if web.app is not None else ())}
    owed = context.ledger.debts()
    async with turn(web), opened(web, context, probe="web.inputs-undo", limits=LIMITS) as browser:
        visits = _Visits(browser, web, context)
        for name in dict.fromkeys(one.key.partition("/")[0] for one in owed):
            form = forms.get(name)
            if form is not None and form.remove is not None:
                typist = _Typist(web, context, form, await visits.of(form.account))
                await typist.work_off([one.key for one in owed if one.key.partition("/")[0] == name])
        await visits.end()
    if left := context.ledger.debts():
        raise Unclear(
            f"{'；'.join(one.what for one in left[:3])}，未能自动删除",
            cure="由应用管理员查找并删除该测试数据；登记 listed（列出所建数据的页面），以后可自行查找",
        )


@dataclass
class _Typist:
    """Fills in one form, again and again."""

    web: WebAsset
    context: Context
    form: InputForm
    visitor: Browser
    tries: list[InputTry] = field(default_factory=list)
    untried: dict[str, str] = field(default_factory=dict)
    files: dict[str, FilePart] = field(default_factory=dict)
    page: Mapping[str, Field] = field(default_factory=dict)
    bare: frozenset[str] = frozenset()
    first: str = ""
    known: tuple[str, ...] = ()
    ids: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    stuck: int = 0
    found: dict[str, Chain] = field(default_factory=dict)
    back: Removing = field(init=False)

    def __post_init__(self) -> None:
        """Prepare taking back."""
        self.back = Removing(self.form, self.visitor, self.context.ledger)

    async def run(self) -> FormSeen:
        """Send right, wrong, right; stop as soon as something cannot be taken back."""
        problem = self._reason() or await self._look_at_page()
        if not problem:
            problem = await self._all()
        return FormSeen(
            id=self.form.id, name=self.form.name, role=self.context.account(self.web, self.form.account).role,
            request=f"{self.form.method} {clean_url(self.visitor.resolve(self.form.path))}",
            tries=tuple(self.tries), untried=self.untried, problem=problem,
            left=self.stuck + len(self.doubts) if self.tries else None,
        )  # fmt: skip

    async def _all(self) -> str:
        await self.back.look()
        await self._right()
        if self.tries[-1].outcome != "accepted":
            return "正确的内容未被接受"
        nonce = self.back.nonce
        wrong = [
            each
            for name, one in self.form.inputs.items()
            for each in (*wrong_values(name, one, nonce, self.files.get(name)), *spliced(name, one))
        ]
        for name in self.form.inputs:
            if not any(one.field == name for one in wrong):
                self.untried[name] = "登记的内容不足以构造错误值"
        problem = await self._one_by_one(wrong[:MOST_TRIES], nonce)
        if problem:
            return problem
        if len(wrong) > MOST_TRIES:
            return f"一个表单至多提交 {MOST_TRIES} 次，其余未提交"
        if self.stuck:
            return "有测试数据未能删除，未再次提交正确的内容"
        await self._send("right")
        if self.tries[-1].outcome == "accepted":
            await self._clear_doubts()
        return ""

    async def _one_by_one(self, wrong: Sequence[Wrong], nonce: str) -> str:
        for each in wrong:
            if self.stuck:
                return "有测试数据未能删除，未继续提交"
            if len(self.doubts) >= MOST_DOUBTS:
                return f"{MOST_DOUBTS} 次提交之后是否新建了数据不明，未继续提交"
            if wanted(each, self.tries):
                await self._send(each.kind, each, nonce)
            against = control(each)
            if against is not None and self.tries[-1].kind == each.kind and self.tries[-1].joined:
                await self._send(against.kind, against)
        return ""

    async def _right(self) -> None:
        """Send right values; numbers go into JSON as numbers, and as texts where those are refused."""
        self.bare = self._numbers()
        await self._send("right")
        if self.bare and self.tries[-1].outcome == "refused":
            self.bare = frozenset()
            self.tries.pop()
            await self._send("right")

    async def _clear_doubts(self) -> None:
        """Settle unclear submissions where no number was left out, or the list tells that nothing is left."""
        if run_on(self.ids):
            for key in self.doubts:
                self.context.ledger.settle(key)
            self.doubts.clear()
        elif await self.back.recover(self.doubts, self._once_more):
            self.doubts.clear()

    def _numbers(self) -> frozenset[str]:
        numbers = [name for name, one in self.form.inputs.items() if one.type in _NUMBERS]
        return frozenset(numbers) if self.form.style == "json" else frozenset()

    def _reason(self) -> str:
        """Return in Chinese why nothing may be sent: what it creates could not be taken back."""
        form = self.form
        if form.remove is None and form.method != "GET":
            return "未登记删除所建数据的请求（remove），未提交"
        if by_id(form) and not (form.created_key or form.created_in):
            return "未登记所建数据的编号在何处（created_key 或 created_in），未提交"
        for name, one in form.inputs.items():
            if one.type == "file":
                part = right_file(one.sample, own_file(self.context.folder, one.sample))
                if part is None:
                    return f"字段 {name} 的样例文件不在项目目录中，未提交"
                self.files[name] = part
        return ""

    async def _look_at_page(self) -> str:
        if not self.form.page:
            return ""
        try:
            chain = await self.visitor.visit(filled(self.form.page, {}, in_path=True))
        except ProbeError as exc:
            return exc.message
        self.page = field_limits(chain.last.document, set(self.form.inputs))
        return ""

    async def _send(self, kind: str, wrong: Wrong | None = None, nonce: str = "") -> None:
        """Send the form once; what it may create is owed before, and by its id as soon as that is known."""
        at = datetime.now(UTC)
        key = self._owe(at)
        name = wrong.field if wrong is not None else ""
        try:
            reply = await self._submit(kind, wrong)
        except NotDeclared as exc:
            self.context.ledger.settle(key)  # never sent
            self.tries.append(InputTry(kind=kind, field=name, at=at, problem=exc.message))
            return
        except ProbeError as exc:
            self.doubts.append(key)
            self.tries.append(InputTry(kind=kind, field=name, at=at, problem=exc.message))
            return
        if kind in ("right", "quote"):
            self.found.setdefault(f"quote/{name}" if name else kind, reply.chain)
        created = created_by(reply, self.form, self.first)
        fresh, database = self._words(kind, reply)
        outcome = outcome_of(reply, created, broken=bool(fresh))
        key = self._owe_by_id(key, outcome, created)
        shown = await self._shown(created, outcome)
        seen = InputTry(
            kind=kind, field=name, at=at, status=reply.status, words=fresh, database=database,
            outcome=self._normalised(outcome, wrong, shown),
            page_refuses=page_refuses(self.page.get(name), wrong.text) if wrong and not wrong.file else None,
            escaped=self._escaped(reply, shown, nonce) if kind in MARKUP else None,
            joined=self._joined(wrong, reply, shown) if outcome == "accepted" else None,
        )  # fmt: skip
        self.tries.append(seen)
        pages = await self._elsewhere(kind)
        await self._settle(key, outcome, created)
        pages += await self._elsewhere(kind)  # a log may escape what stands, and not what is gone
        if False in [escaped_in(one, nonce) for one in pages]:
            self.tries[-1] = msgspec.structs.replace(seen, escaped=False)

    def _owe(self, at: datetime) -> str:
        """Owe what a submission may create; return the key."""
        key = self.back.key()
        if self.form.remove is not None:
            told = f"表单“{self.form.name}”{at.astimezone():%H:%M:%S} 提交的测试数据，若已新建须删除"
            self.context.ledger.owe(key, told)
        return key

    async def _elsewhere(self, kind: str) -> list[Chain]:
        """Return the lists and logs that may name what was entered, for markup alone."""
        found: list[Chain] = []
        for path in self.form.shown_also if kind in MARKUP else ():
            with contextlib.suppress(ProbeError):
                found.append(await self.visitor.intruding(_SEND).visit(path))
        return found

    def _joined(self, wrong: Wrong | None, reply: Reply, shown: Chain | None) -> bool | None:
        """Tell whether a value came back as a statement would have made it."""
        if wrong is None or not wrong.means:
            return None
        if self.form.method == "GET" and not self.form.shown and wrong.kind != PAIR:
            return rows_alone(self.found.get("right"), self.found.get(f"quote/{wrong.field}"), reply.chain)
        return joined(wrong, shown)

    def _words(self, kind: str, reply: Reply) -> tuple[tuple[str, ...], bool]:
        """Return traces of the program's inside that right values did not bring up."""
        words, database = words_in(reply.chain)
        if kind == "right":
            self.known += words
            return (), False
        fresh = tuple(one for one in words if one not in self.known)
        return fresh, database and bool(fresh)

    def _owe_by_id(self, key: str, outcome: str, created: str | None) -> str:
        """Owe what was created by its id; return the key it is owed under."""
        if outcome != "accepted" or not created:
            return key
        self.ids.append(created)
        self.first = self.first or created
        if self.form.remove is None:
            return key
        inner = f"{key}/{quote(created, safe='')}"
        told = f"表单“{self.form.name}”新建的测试数据（编号 {created[:64]}）须删除"
        self.context.ledger.owe(inner, told)
        self.context.ledger.settle(key)
        return inner

    async def _submit(self, kind: str, wrong: Wrong | None) -> Reply:
        values = {name: one.sample for name, one in self.form.inputs.items() if one.type != "file"}
        files = dict(self.files)
        if wrong is not None and wrong.file is not None:
            files[wrong.field] = wrong.file
        elif wrong is not None:
            values[wrong.field] = wrong.text
        note = f"{WAYS[kind]}{f'：{wrong.field}' if wrong else ''}，值不记录"
        visitor = self.visitor.intruding(_SEND)
        return await perform(visitor, self.form, {}, extra=values, files=files, bare=self.bare, note=note)

    async def _shown(self, created: str | None, outcome: str) -> Chain | None:
        """Return the page that shows what was created."""
        if not self.form.shown or outcome != "accepted":
            return None
        try:
            path = filled(self.form.shown, {"created": created} if created else {}, in_path=True)
            return await self.visitor.intruding(_SEND).visit(path)
        except ProbeError:
            return None

    def _normalised(self, outcome: str, wrong: Wrong | None, shown: Chain | None) -> str:
        if outcome != "accepted" or wrong is None or wrong.kind != "too_long" or shown is None:
            return outcome
        limit = self.form.inputs[wrong.field].max_length or 0
        return "normalised" if cut_short(shown, wrong.text, limit) else outcome

    def _escaped(self, reply: Reply, shown: Chain | None, nonce: str) -> bool | None:
        found = [escaped_in(one, nonce) for one in (reply.chain, shown) if one is not None]
        return False if False in found else next((one for one in reversed(found) if one is not None), None)

    async def _settle(self, key: str, outcome: str, created: str | None) -> None:
        """Take back what came into being; what is refused left nothing."""
        if self.form.remove is None:
            return
        if outcome == "refused":
            self.context.ledger.settle(key)
        elif by_id(self.form) and not (outcome == "accepted" and created):
            self.doubts.append(key)
        elif not await self.back.take_back(key, created or ""):
            self.stuck += 1

    async def work_off(self, keys: Sequence[str]) -> None:
        """Take back what earlier runs submitted; first what is known by its id."""
        unknown: list[str] = []
        for key in keys:
            created = unquote((*key.split("/", 2), "")[2])
            if by_id(self.form) and not created:
                unknown.append(key)
            else:
                await self.back.take_back(key, created)
        if unknown and not self._reason():
            await self.back.recover(unknown, self._once_more)

    async def _once_more(self) -> tuple[str, str]:
        """Submit right values; return the key they are owed under and the id, empty where it is not known."""
        key = self._owe(datetime.now(UTC))
        self.bare = self._numbers()
        reply = await self._submit("right", None)
        created = created_by(reply, self.form, self.first)
        outcome = outcome_of(reply, created, broken=False)
        if outcome == "refused":
            self.context.ledger.settle(key)
        if outcome != "accepted" or not created:
            return key, ""
        return self._owe_by_id(key, outcome, created), created
