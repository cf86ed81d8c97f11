"""Fetches the facts a plan needs: assets side by side, a cap on each asset, nothing asked twice."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from . import __version__
from .catalog import vulnerability_data, with_paths
from .engines import find_engines
from .errors import ContentError, NotDeclared, ProbeError, Reason
from .events import EventLog
from .facts import FactFile, FactStore, as_stored
from .ledger import FileLedger, ProbeLedger
from .model import Asset, Engagement, Level, Missing, ParamValue, Plan, Raw, kind_of
from .probes.base import Context, Keeper, Observed, Probe, ProbeSpec, Purpose
from .probes.logins import Logins
from .probes.registry import PROBES
from .probes.sessions import Sessions
from .redact import Redactor
from .restraint import NONE, Restraint, left_out
from .rounds import Round
from .scope import Guard, unfence
from .secrets import PROMPT, Secrets
from .session import Session
from .steering import PAUSE, Helm, Stopped
from .undoing import LEDGER, Owed, TakingBack, earlier_ledgers, owed_in

ASSETS_AT_ONCE: Final = 16
PROBES_PER_ASSET: Final = 3


@dataclass(frozen=True)
class Progress:
    """What the watcher of a run is told.

    `state` is `begun`, `says`, `done`, `kept` where an earlier sitting finished it, `left` where this one
    leaves it out, or `owed` where a change on the asset could not be taken back. `paused` and `resumed` are
    of the whole run, with no asset.
    """

    asset: str
    probe: str
    title: str
    state: str
    text: str = ""


@dataclass
class Fetching:
    """Everything one fetching needs; build it once per sitting."""

    engagement: Engagement
    store: FactStore
    ledger: FileLedger
    events: EventLog
    redactor: Redactor
    guard: Guard
    profile: Mapping[str, ParamValue]
    engines: Mapping[str, str]
    watch: Callable[[Progress], None] = lambda _progress: None
    folder: Path | None = None
    vulnerabilities: Path | None = None
    specs: tuple[ProbeSpec, ...] = PROBES
    secrets: Secrets = field(init=False)
    logins: Logins = field(default_factory=Logins)
    sessions: Sessions = field(default_factory=Sessions)
    earlier: tuple[FileLedger, ...] = ()
    restraint: Restraint = NONE
    helm: Helm | None = None
    answers: Mapping[str, str] | None = field(default=None, repr=False)
    again: str = ""

    def __post_init__(self) -> None:
        """Build the resolver of secrets around the redactor."""
        self.secrets = Secrets(self.redactor, self.answers)

    async def fetch(self, plan: Plan) -> None:
        """Run every probe of the plan that has not finished; each answer is stored when it is whole.

        Cancelling loses only what is under way: finished answers are on disk.

        Raises:
            ContentError: the plan names a probe that does not exist.
            OSError: an answer cannot be stored.
            Stopped: that was asked for from outside.

        """
        wanted = self._by_asset(plan)
        self._ask_first(wanted)
        self.guard.fence()
        await self.take_back()
        try:
            work = self._fetch_all(wanted)
            await (work if self.helm is None else self.helm.until_stopped(work))
        except BaseExceptionGroup as several:
            raise _first_of(several) from several
        await self.take_back()
        if self.helm is not None and self.helm.stopped:
            self.events.note("stopped")
            raise Stopped("已按要求停止，已完成的采集都已保存", cure="再次运行（不加 --new-round）即继续")
        self._leave_out(wanted)

    async def _fetch_all(self, wanted: list[tuple[Asset, list[ProbeSpec]]]) -> None:
        gate = asyncio.Semaphore(ASSETS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for asset, specs in wanted:
                group.create_task(self._fetch_asset(asset, specs, gate))

    def _leave_out(self, wanted: list[tuple[Asset, list[ProbeSpec]]]) -> None:
        """Note what was left out as missing: it is the last thing, so that a run cut short notes nothing."""
        for asset, spec in ((asset, spec) for asset, specs in wanted for spec in specs):
            why = self.restraint.refusal(asset, spec)
            if why and not self.store.has(asset.id, spec.name):
                now = datetime.now(UTC)
                self._store(spec, asset, Observed(missing=left_out(spec, why)), now, ())

    async def take_back(self) -> tuple[Owed, ...]:
        """Take back what this and earlier rounds changed and did not set right; return what is left."""
        taking = TakingBack(
            {one.id: one for one in self.engagement.assets},
            {one.name: one for one in self.specs},
            self._undo_context,
            self._note_owed,
        )
        return await taking.work_off((*self.earlier, self.ledger))

    def _undo_context(self, asset: Asset, spec: ProbeSpec, ledger: ProbeLedger) -> Context:
        def keep(name: str, data: bytes, /) -> Raw:
            return self.store.keep_raw(name, data, self.redactor)

        self.events.note("undo_begun", asset=asset.id, probe=spec.name)
        return self._context(asset, spec, keep, ledger, self.guard)

    def _note_owed(self, one: Owed) -> None:
        text = self.redactor.text(f"未能恢复：{one.what}。{one.why}")
        self.events.note("undo_failed", asset=one.asset, probe=one.probe, what=text)
        self.watch(Progress(one.asset, one.probe, "恢复检测所作改动", "owed", text))

    def _by_asset(self, plan: Plan) -> list[tuple[Asset, list[ProbeSpec]]]:
        known = {spec.name: spec for spec in self.specs}
        found: dict[str, list[ProbeSpec]] = {}
        for one in plan.probes:
            if one.probe not in known:
                raise ContentError(f"没有探测 {one.probe}", where="plan.json", cure="开始新的一轮")
            found.setdefault(one.asset, []).append(known[one.probe])
        assets = ((self.engagement.asset(asset_id), specs) for asset_id, specs in found.items())
        return [(asset, specs) for asset, specs in assets if asset is not None]

    def _ask_first(self, wanted: list[tuple[Asset, list[ProbeSpec]]]) -> None:
        """Ask people for passwords before the clocks of the probes run: typing takes its time."""
        for asset, specs in wanted:
            if not any(one.level is not Level.OBSERVE and self._will_run(asset, one) for one in specs):
                continue
            for account in asset.accounts:
                if account.secret.startswith(PROMPT):
                    with contextlib.suppress(NotDeclared):  # the probe that needs it will say so
                        self.secrets.resolve(account.secret, label=f"{asset.id}/{account.username}")

    def _will_run(self, asset: Asset, spec: ProbeSpec) -> bool:
        try:
            self.guard.require(spec.level, what="")
        except ProbeError:
            return False
        return not (self.store.has(asset.id, spec.name) or self.restraint.refusal(asset, spec))

    async def _fetch_asset(self, asset: Asset, wanted: list[ProbeSpec], gate: asyncio.Semaphore) -> None:
        async with gate:
            places = asyncio.Semaphore(PROBES_PER_ASSET)
            async with asyncio.TaskGroup() as group:
                for spec in wanted:
                    group.create_task(self._fetch_probe(asset, spec, places))

    async def _fetch_probe(self, asset: Asset, spec: ProbeSpec, places: asyncio.Semaphore) -> None:
        if self.store.has(asset.id, spec.name):
            self.watch(Progress(asset.id, spec.name, spec.title, "kept"))
            return
        if why := self.restraint.refusal(asset, spec):
            self.events.note("left_out", asset=asset.id, probe=spec.name, level=spec.level.value)
            self.watch(Progress(asset.id, spec.name, spec.title, "left", why))
            return
        async with places:
            if not await self._may_start():
                return
            self.watch(Progress(asset.id, spec.name, spec.title, "begun"))
            self.events.note("probe_begun", asset=asset.id, probe=spec.name, level=spec.level.value)
            begun = datetime.now(UTC)
            kept: list[Raw] = []
            observed = _whole(spec, await self._observe(asset, spec, kept))
            lacks = self._store(spec, asset, observed, begun, tuple(kept))
            text = f"缺 {len(lacks)} 类：{lacks[0].message}" if lacks else ""
            self.watch(Progress(asset.id, spec.name, spec.title, "done", text))

    async def _may_start(self) -> bool:
        """Wait while the run is paused; tell whether the next probe may start."""
        if self.helm is None:
            return True
        if self.helm.wish() == PAUSE and not self.helm.paused:
            self.helm.paused = True
            self.events.note("paused")
            self.watch(Progress("", "", "", "paused"))
        free = await self.helm.free()
        if free and self.helm.paused:
            self.helm.paused = False
            self.events.note("resumed")
            self.watch(Progress("", "", "", "resumed"))
        return free

    def _store(
        self, spec: ProbeSpec, asset: Asset, observed: Observed, begun: datetime, kept: tuple[Raw, ...]
    ) -> tuple[Missing, ...]:
        lacks = tuple(self._clean(one) for one in observed.missing)
        file = FactFile(
            schema=1, asset=asset.id, probe=spec.name, tool_version=__version__, begun_at=begun,
            ended_at=datetime.now(UTC), privilege=observed.privilege,
            facts=tuple(as_stored(one) for one in observed.facts),
            missing=lacks, raw=kept,
        )  # fmt: skip
        self.store.save(file)
        first = {"reason": lacks[0].reason.value, "why": lacks[0].message} if lacks else {}
        counts = {"facts": len(observed.facts), "missing": len(lacks)}
        self.events.note("probe_ended", asset=asset.id, probe=spec.name, **counts, **first)
        return lacks

    def _clean(self, lack: Missing) -> Missing:
        return Missing(fact=lack.fact, reason=lack.reason, message=self.redactor.text(lack.message))

    async def _observe(self, asset: Asset, spec: ProbeSpec, kept: list[Raw]) -> Observed:
        """Return what a probe brings, whatever it does.

        Raises:
            OSError: a transcript could not be stored, whatever the probe made of that.

        """
        unstored: list[OSError] = []

        def keep(name: str, data: bytes, /) -> Raw:
            try:
                reference = self.store.keep_raw(name, data, self.redactor)
            except OSError as exc:
                unstored.append(exc)
                raise
            kept.append(reference)
            return reference

        observed = await self._looked(asset, spec, keep)
        if unstored:
            raise unstored[0]
        return observed

    def _context(
        self, asset: Asset, spec: ProbeSpec, keep: Keeper, ledger: ProbeLedger, guard: Guard
    ) -> Context:
        def say(text: str) -> None:
            self.watch(Progress(asset.id, spec.name, spec.title, "says", self.redactor.text(text)))

        def announce(purpose: Purpose, request: str, /) -> None:
            guard.require(purpose.level, what=f"“{purpose.text}”")
            self.events.note(
                "intrusive", asset=asset.id, probe=spec.name, level=purpose.level.value,
                purpose=purpose.text, clause=purpose.clause, request=request,
            )  # fmt: skip

        return Context(
            guard=guard, secrets=self.secrets, keep=keep, say=say, profile=self.profile,
            ledger=ledger, engines=self.engines, folder=self.folder, announce=announce,
            assets={one.id: one for one in self.engagement.assets}, vulnerabilities=self.vulnerabilities,
            logins=self.logins, sessions=self.sessions,
        )  # fmt: skip

    async def _looked(self, asset: Asset, spec: ProbeSpec, keep: Keeper) -> Observed:
        def heard(key: str) -> None:
            self.events.note(
                "intrusive", asset=asset.id, probe=spec.name, level=spec.level.value,
                purpose=spec.title, clause=spec.clause, request=key,
            )  # fmt: skip

        ledger = self.ledger.for_probe(asset.id, spec.name, heard=heard, again=self.again)
        guard = self.guard.up_to(self.restraint.ceiling(asset, spec))
        context = self._context(asset, spec, keep, ledger, guard)
        try:
            self.guard.require(spec.level, what=f"“{spec.title}”")
            async with asyncio.timeout(spec.timeout_s) as limit:
                return await _load(spec)(asset, context)
        except ProbeError as exc:
            return _nothing(spec, exc.reason, exc.message + (f"；处理：{exc.cure}" if exc.cure else ""))
        except TimeoutError:
            what = f"{spec.timeout_s:g} 秒内未完成“{spec.title}”" if limit.expired() else "对方未及时应答"
            return _nothing(spec, Reason.TIMED_OUT, f"{what}；处理：检查网络后开始新的一轮")
        except Exception:  # noqa: BLE001 - a door: one probe's bug must not end the run, nor pass unseen
            keep("program-error.txt", traceback.format_exc().encode())
            return _nothing(spec, Reason.BUG, "探测程序出错，详情见原始记录 program-error.txt；处理：请报告")


def _load(spec: ProbeSpec) -> Probe:
    module, _, name = spec.run.partition(":")
    probe: Probe | None = getattr(importlib.import_module(module), name, None)
    if probe is None:
        raise ContentError(f"探测 {spec.name} 没有入口 {spec.run}")
    return probe


def _nothing(spec: ProbeSpec, reason: Reason, message: str) -> Observed:
    return Observed(
        missing=tuple(Missing(fact=one, reason=reason, message=message) for one in spec.fact_kinds)
    )


def _whole(spec: ProbeSpec, observed: Observed) -> Observed:
    """Return an answer that speaks once of every kind of the probe: silence and contradictions never count.

    A kind the probe forgot is noted as missing. Where it brought a kind twice, brought what it also
    calls missing, or brought what is not its own, nothing of it can be trusted.
    """
    told = [kind_of(one) for one in observed.facts] + [one.fact for one in observed.missing]
    if len(set(told)) < len(told) or not set(told) <= set(spec.fact_kinds):
        return _nothing(spec, Reason.BUG, "探测程序的回答自相矛盾，未予采用；处理：请报告")
    forgotten = tuple(
        Missing(fact=one, reason=Reason.BUG, message="探测程序未给出该事实；处理：请报告")
        for one in spec.fact_kinds
        if one not in told
    )
    return Observed(observed.facts, observed.missing + forgotten, observed.privilege)


def _first_of(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of side-by-side tasks: one message is what people can act on."""
    first = several.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


def fetch_missing(
    session: Session,
    chosen: Round,
    plan: Plan,
    watch: Callable[[Progress], None] = lambda _progress: None,
    *,
    assist: bool = False,
    restraint: Restraint = NONE,
    helm: Helm | None = None,
    answers: Mapping[str, str] | None = None,
    into: FactStore | None = None,
    again: str = "",
) -> None:
    """Fetch the facts that `plan` needs and the round does not hold yet.

    Sends: what the plan's probes send, nothing else; every connection passes the guard. With `assist` a
    person is there to log in where a program cannot. `restraint` says what is left out, `helm` listens to
    those who want it to pause or stop, `answers` are the passwords that were asked for beforehand, by label.
    `into` another store than the round's goes what is looked at `again`, under that name.

    Raises:
        UsageError: the scope cannot be understood.
        Stopped: that was asked for from outside.

    """
    store = into or chosen.store()
    if all(store.has(one.asset, one.probe) for one in plan.probes) and not owed_in(session.directory):
        return
    with contextlib.ExitStack() as stack:
        redactor = Redactor()
        stack.callback(unfence)
        events = EventLog(chosen.folder / "events.jsonl", redactor)
        stack.callback(events.close)
        ledger = FileLedger(chosen.folder / LEDGER)
        stack.callback(ledger.close)
        fetching = Fetching(
            engagement=with_paths(chosen.engagement, session.directory),
            store=store, ledger=ledger, events=events, redactor=redactor,
            guard=Guard(chosen.engagement.scope, log=events.contact),
            profile=session.profile, engines=find_engines(), watch=watch,
            folder=session.directory.resolve(),
            vulnerabilities=vulnerability_data(chosen.engagement, session.directory),
            earlier=stack.enter_context(earlier_ledgers(session.directory, chosen.number)),
            sessions=Sessions(assist=assist), restraint=restraint, helm=helm, answers=answers, again=again,
        )  # fmt: skip
        marked = {"again": again} if again else {}
        events.note("sitting_begun", tool_version=__version__, probes=len(plan.probes), **marked)
        asyncio.run(fetching.fetch(plan))
        events.note("sitting_ended")
