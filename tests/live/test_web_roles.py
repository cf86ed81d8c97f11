"""Roles of live applications: every verdict was written down before the first run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import yaml

from dengbao.errors import Reason
from dengbao.model import Application, Call, Level, Raw, Scope, UserAdmin, Verdict, WebAsset
from dengbao.probes.base import Context
from dengbao.probes.web import changing
from dengbao.probes.web.facts_access import WebMatrix, WebUsers
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets
from dengbao.undoing import owed_in

from ..runs import HEAD, dengbao, environment
from ..servers.roles import ADMIN, FUNCTIONS, LOCK, PASSWORD, PEOPLE, VARIABLE, Conduct, serving
from .harness import PROFILE, MemoryLedger, Sight, claims_no_more, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
QUESTIONS = (
    "access.no_overreach", "access.rules_configured", "access.granularity", "access.roles_defined",
    "access.privilege_separation", "access.least_privilege", "access.accounts_assigned",
)  # fmt: skip
SCOPE = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
OVER, RULES, GRAIN, DEFINED, SEPARATED, LEAST, ASSIGNED = QUESTIONS


def but(**changes: str) -> dict[str, str]:
    """Return the verdicts of a sound application with some of them changed, by their short names."""
    return {**dict.fromkeys(QUESTIONS, C), **{f"access.{one}": verdict for one, verdict in changes.items()}}


ALL_UNKNOWN = dict.fromkeys(QUESTIONS, U)
# Who was let in is known; who was kept out by the application is not.
BLOCKED = {**ALL_UNKNOWN, "access.granularity": C}
SITUATIONS: Mapping[str, tuple[Conduct, dict[str, str]]] = {
    "hardened": (Conduct(), but()),
    "refused on a page with status 200": (Conduct(deny="page"), but()),
    "refused as not found, with status 200": (Conduct(deny="soft404"), but()),
    "refused by sending home": (Conduct(deny="home"), but()),
    "refused by a JSON error with status 200": (Conduct(deny="json"), but()),
    "no role is enforced": (
        Conduct(enforce=False),
        but(no_overreach=N, rules_configured=P, roles_defined=N, privilege_separation=N, least_privilege=N,
            accounts_assigned=N),
    ),
    "the administrator reads the log": (
        Conduct(admin_audits=True),
        but(no_overreach=N, rules_configured=P, privilege_separation=N, least_privilege=P),
    ),
    "others' patients": (Conduct(own_only=False), but(no_overreach=N, rules_configured=P, granularity=N)),
    "by the other method": (Conduct(hole="method"), but(no_overreach=N, least_privilege=P)),
    # Here the auditor and the administrator each get what is the other's.
    "by a method override": (Conduct(hole="override"), but(no_overreach=N, least_privilege=N)),
    "by the parameter twice": (Conduct(hole="pollution"), but(no_overreach=N, granularity=N)),
    # The web server answers unknown paths: only other pages tell the application's layout.
    "a bare 404, refused on a page with status 200": (Conduct(bare_404=True, deny="page"), but()),
    "a bare 404, refused by sending home": (Conduct(bare_404=True, deny="home"), but()),
    "a bare 404, no role is enforced": (
        Conduct(bare_404=True, enforce=False),
        but(no_overreach=N, rules_configured=P, roles_defined=N, privilege_separation=N, least_privilege=N,
            accounts_assigned=N),
    ),
    # Traps: nothing here may be taken for refused or given.
    "a firewall refuses and says so": (Conduct(blocks="words"), BLOCKED),
    "a firewall refuses with status 200": (Conduct(blocks="html"), BLOCKED),
    "a firewall forbids everything for a moment": (Conduct(blocks="once"), BLOCKED),
    "forbidden by a firewall in the end": (Conduct(ban_after=4), ALL_UNKNOWN),
    "every object looks the same": (
        Conduct(same=True), but(no_overreach=U, rules_configured=U, granularity=U),
    ),
    "the object does not exist": (
        Conduct(gone=("2",)), but(no_overreach=U, granularity=U, rules_configured=U, accounts_assigned=P),
    ),
    "the same shell for everybody": (Conduct(by_scripts=True), ALL_UNKNOWN),
    "a refusal without words": (Conduct(deny="blank"), ALL_UNKNOWN),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def see(asset: WebAsset, *, level: Level = Level.INTRUDE, ledger: MemoryLedger | None = None) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000)
    return look(asset, scope=scope, only=("web.matrix",), ledger=ledger)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_roles_are_judged_by_what_they_get(situation: str) -> None:
    conduct, expected = SITUATIONS[situation]
    with serving(conduct) as running:
        sight = see(running.asset())
        got = sight.verdicts(QUESTIONS)
    wrong = {
        one: f"{got[one]}: {sight.judge(one).statement}" for one in QUESTIONS if got[one] != expected[one]
    }
    assert not wrong, f"{situation}: {wrong}"


def test_an_object_that_its_owner_was_never_given_proves_nothing() -> None:
    """Where the first object is shared, the second one is asked of somebody else alone: it may not exist."""
    shared = msgspec.structs.replace(FUNCTIONS[0], objects={"ys1": ("1",), "ys2": ("1", "404")})
    with serving(Conduct()) as running:
        sight = see(running.asset((shared,)))
    facts = sight.facts["web.matrix"]
    assert isinstance(facts, WebMatrix)
    told = [one.problem for one in facts.cells if one.kind == "horizontal" and one.owner == "ys2"]
    assert told == ["账户 ys2 的首个对象与账户 ys1 共有，无从比对"]
    assert sight.verdicts((GRAIN,)) == {GRAIN: U}


@pytest.mark.parametrize(("own_only", "verdict"), [(True, C), (False, N)])
def test_what_belongs_to_another_institution_is_told_so(own_only: bool, verdict: str) -> None:
    with serving(Conduct(own_only=own_only)) as running:
        whole = running.asset()
        houses = {"ys1": "甲院", "ys2": "乙院"}
        accounts = tuple(
            msgspec.structs.replace(one, institution=houses.get(one.id, "")) for one in whole.accounts
        )
        sight = see(running.asset(accounts=accounts))
        alone = msgspec.structs.replace(FUNCTIONS[0], objects={"ys1": ("1",)})
        less = see(running.asset((alone, *FUNCTIONS[1:]), accounts=accounts))
    assert sight.verdicts((OVER,)) == {OVER: verdict}
    facts = sight.facts["web.matrix"]
    assert isinstance(facts, WebMatrix)
    assert {one.across for one in facts.cells if one.kind == "horizontal"} == {True}
    assert own_only or "对象属其他机构的账户" in sight.judge(OVER).statement
    assert "跨机构越权须人工测试" in less.judge(OVER).statement


def test_a_change_is_taken_back_whoever_was_let_through() -> None:
    for enforce, verdict in ((True, C), (False, N)):
        with serving(Conduct(enforce=enforce)) as running:
            sight = see(running.asset((*FUNCTIONS, LOCK)))
            assert sight.verdicts((OVER,)) == {OVER: verdict}
            assert running.roles.locked == set()
            assert running.roles.asked.count("POST /admin/lock") == 5
            assert sight.ledger.owed == {}


def test_a_change_that_cannot_be_taken_back_stays_owed_and_undo_settles_it() -> None:
    with serving(Conduct(undo_fails=True)) as running:
        asset = running.asset((LOCK,))
        sight = see(asset)
        assert running.roles.locked == {"ceshi"}
        assert list(sight.ledger.owed) == ["lock/xt1/xt1"]
        assert sight.verdicts((OVER,)) == {OVER: U}
        running.roles.conduct = replace(running.roles.conduct, undo_fails=False)
        asyncio.run(changing.undo(asset, context_of(asset, sight.ledger)))
        assert running.roles.locked == set()
        assert sight.ledger.owed == {}


def test_a_status_does_not_prove_that_a_change_was_taken_back_and_nobody_else_makes_it() -> None:
    with serving(Conduct(undo_pretends=True)) as running:
        sight = see(running.asset((*FUNCTIONS, LOCK)))
        assert running.roles.asked.count("POST /admin/lock") == 1
        assert list(sight.ledger.owed) == ["lock/xt1/xt1"]
    assert "锁定账户（撤销未能确认，未再以其他角色请求，须人工核对）" in sight.judge(OVER).remainder


def test_what_was_carried_out_and_then_sent_to_log_in_is_no_refusal() -> None:
    with serving(Conduct(lock_by_all=True)) as running:
        sight = see(running.asset((*FUNCTIONS, LOCK)))
        assert running.roles.locked == set()
        assert sight.ledger.owed == {}
    assert sight.verdicts((OVER,)) == {OVER: U}


@pytest.mark.parametrize(
    ("undo", "why"),
    [(None, "会改变数据且未登记撤销请求，未发送"),
     (Call(path="/admin/unlock", fields={"user": "{object}"}), "撤销请求未登记成功标志（undo.done）")],
)  # fmt: skip
def test_a_change_that_nothing_takes_back_for_sure_is_never_sent(undo: Call | None, why: str) -> None:
    alone = msgspec.structs.replace(LOCK, undo=undo)
    with serving(Conduct()) as running:
        sight = see(running.asset((*FUNCTIONS, alone)))
        assert not any("lock" in one for one in running.roles.asked)
    outcome = sight.judge(OVER)
    assert outcome.verdict is Verdict.CONFORM
    assert why in outcome.remainder


def test_a_run_killed_in_the_middle_of_a_change_takes_it_back_the_next_time(tmp_path: Path) -> None:
    with serving(Conduct()) as running:
        folder = tmp_path / "e"
        folder.mkdir()
        told = {"assets": [msgspec.to_builtins(running.asset((*FUNCTIONS, LOCK)))]}
        head = HEAD.replace("level: intrude", "level: intrude\n  connections_per_s: 1000")
        text = head.rstrip().removesuffix("assets:") + yaml.safe_dump(told, allow_unicode=True)
        (folder / "engagement.yaml").write_text(text, encoding="utf-8")
        running.roles.hold_at = 1
        run = (sys.executable, "-m", "dengbao", "run", str(folder), "--item", "2.e.3")
        process = subprocess.Popen(
            run, env=environment(**{VARIABLE: PASSWORD}), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            assert running.roles.held.wait(60)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
            running.roles.released.set()
        assert running.roles.locked == {"ceshi"}
        assert owed_in(folder)
        done = dengbao("run", folder, "--item", "2.e.3", env=environment(**{VARIABLE: PASSWORD}))
        assert done.returncode in (0, 3), done.stderr
        assert running.roles.locked == set()
    assert owed_in(folder) == ()


def test_every_intrusive_request_is_announced_and_none_is_sent_below_the_level() -> None:
    with serving(Conduct()) as running:
        asset = running.asset()
        below = see(asset, level=Level.LOGIN)
        assert running.roles.logins == []
        sight = see(asset)
    assert below.verdicts(QUESTIONS) == dict.fromkeys(QUESTIONS, U)
    assert below.judge(OVER).reason is Reason.NOT_AUTHORISED
    facts = sight.facts["web.matrix"]
    assert isinstance(facts, WebMatrix)
    intrusive = [one for one in facts.cells if not one.allowed]
    assert len(sight.announced) >= len(intrusive)
    assert {one.clause for one, _ in sight.announced} == {"2.e.3"}
    claims_no_more(sight.verdicts(QUESTIONS), below.verdicts(QUESTIONS))


def test_each_account_logs_in_once_and_a_refused_one_leaves_it_undetermined() -> None:
    with serving(Conduct(locked_out=("sj1",))) as running:
        sight = see(running.asset())
        assert sorted(running.roles.logins) == sorted(PEOPLE)
    assert sight.verdicts(QUESTIONS) == {**ALL_UNKNOWN, GRAIN: C}  # two doctors are enough for that
    assert "sj1 未能登录" in sight.judge(DEFINED).statement


def test_a_finding_can_be_repeated_from_its_proof() -> None:
    with serving(Conduct(admin_audits=True)) as running:
        outcome = see(running.asset()).judge(OVER)
    proof = outcome.proofs[0]
    assert (proof.role, proof.request) == (ADMIN, "GET /audit")
    assert "返回 200，含该功能真实内容的 100%" in proof.answer
    assert proof.at is not None


def context_of(asset: WebAsset, ledger: MemoryLedger) -> Context:
    scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
    return Context(
        guard=Guard(scope, log=lambda _contact: None), secrets=Secrets(Redactor()), ledger=ledger,
        keep=lambda name, data: Raw(name=name, sha256="", size_bytes=len(data)), profile=PROFILE,
        assets={asset.id: asset}, announce=lambda _purpose, _request: None,
    )  # fmt: skip


def test_the_list_of_users_is_held_against_the_roster() -> None:
    admin = UserAdmin(account="xt1", list_path="/admin/users", usernames="账户")
    for roster, verdict in ((tuple(PEOPLE), C), (("ys1", "ys2", "xt1"), P), ((), U)):
        with serving(Conduct()) as running:
            app = Application(users=admin, roster=roster)
            sight = look(running.asset(app=app), scope=SCOPE, only=("web.users",))
        users = sight.facts["web.users"]
        assert isinstance(users, WebUsers)
        assert (users.complete, {one.username: one.enabled for one in users.users}) == (
            True, dict.fromkeys(PEOPLE, True),
        )  # fmt: skip
        disabled = N if verdict == P else verdict
        expected = {"access.stale_disabled": disabled, "access.default_account_renamed": C}
        assert sight.verdicts(expected) == expected
    nobody = UserAdmin(account="ys1", list_path="/admin/users", usernames="账户")
    with serving(Conduct()) as running:
        refused = look(running.asset(app=Application(users=nobody)), scope=SCOPE, only=("web.users",))
    assert refused.missing["web.users"].reason is Reason.PROTOCOL


def test_a_path_that_another_request_writes_to_is_never_posted_to() -> None:
    create = UserAdmin(account="xt1", create=Call(path="/admin/users"))
    with serving(Conduct()) as running:
        see(running.asset(app=Application(functions=FUNCTIONS, users=create)))
        assert "POST /audit" in running.roles.asked
        assert "POST /admin/users" not in running.roles.asked


def test_no_post_is_sent_where_only_a_get_is_declared() -> None:
    silent = tuple(msgspec.structs.replace(one, also_post=False) for one in FUNCTIONS)
    with serving(Conduct()) as running:
        sight = see(running.asset(silent))
        assert not [one for one in running.roles.asked if one.startswith("POST")]
    assert "未登记 also_post" in sight.judge(OVER).remainder
