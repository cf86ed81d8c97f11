"""Audit logs of live applications: every verdict was written down before the first run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from dengbao.errors import Reason
from dengbao.model import DatabaseAsset, Level, ParamValue, Scope, TableRef, WebAsset
from dengbao.probes.web.facts_trail import WebLogTampering, WebTrail

from ..servers.trail import KINDS, PASSWORD, VARIABLE, Conduct, serving
from .harness import PROFILE, Sight, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
QUESTIONS = (
    "audit.enabled", "audit.covers_users", "audit.covers_events", "audit.record_fields",
    "audit.log_protection",
)  # fmt: skip
ALL = KINDS | {"create", "grant", "disable", "remove"}
SCOPE = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
# Nothing appears any more after half a second here; eight are for real applications.
BRIEF: Mapping[str, ParamValue] = {**PROFILE, "audit_record_lag_s": 1}
ENABLED, USERS, EVENTS, FIELDS, PROTECTION = QUESTIONS


def but(**changes: str) -> dict[str, str]:
    """Return the verdicts of a complete log with some of them changed, by their short names."""
    return {**dict.fromkeys(QUESTIONS, C), **{f"audit.{one}": verdict for one, verdict in changes.items()}}


SITUATIONS: Mapping[str, tuple[Conduct, dict[str, str]]] = {
    "complete": (Conduct(), but()),
    "complete, as JSON": (Conduct(json=True), but()),
    "complete, half a second late": (Conduct(lag_s=0.4), but()),
    "complete, a new login ends the older session": (Conduct(single=True), but()),
    "successful logins only": (Conduct(records=frozenset({"login"})), but(covers_events=P, log_protection=U)),
    "views are not recorded": (Conduct(records=KINDS - {"view"}), but(covers_events=P)),
    "the administrator is not recorded": (
        Conduct(ignores=frozenset({"xt1"})), but(covers_users=P, covers_events=P),
    ),
    "no result": (Conduct(fields=("entry", "time", "user", "type", "source")), but(record_fields=P)),
    "no user": (
        Conduct(fields=("entry", "time", "type", "result", "source")),
        but(covers_users=U, covers_events=U, record_fields=U, enabled=U, log_protection=U),
    ),
    "failures look like success": (Conduct(failure="成功"), but(record_fields=P)),
    "five minutes slow": (Conduct(shift_s=-300), but(record_fields=P)),
    "eight hours beside, no zone": (Conduct(shift_s=-8 * 3600, zone=False), but(record_fields=U)),
    "the administrator deletes records": (
        Conduct(removers=frozenset({"系统管理员"})), but(log_protection=N),
    ),
    "anybody alters records": (Conduct(alters=frozenset({"", "医生", "审计员"})), but(log_protection=N)),
    # Traps: nothing here may be taken for recorded or lost.
    "says that it deleted, and did not": (
        Conduct(removers=frozenset({"系统管理员"}), pretends=True), but(),
    ),
    "oldest first, a page of five": (
        Conduct(oldest_first=True, page=5), dict.fromkeys(QUESTIONS, U),
    ),
    "nothing is recorded": (
        Conduct(records=frozenset()), {**dict.fromkeys(QUESTIONS, N), FIELDS: U, PROTECTION: U},
    ),
    "a page of patients that refuses with status 200": (Conduct(viewless="error"), but(covers_events=U)),
    "a page of patients that scripts draw": (Conduct(viewless="shell"), but(covers_events=U)),
    "the reader sees records of its own alone": (
        Conduct(own_only=True), but(covers_users=U, covers_events=U, log_protection=U),
    ),
    "the log names people, not accounts": (
        Conduct(real_names=True), {**dict.fromkeys(QUESTIONS, U)},
    ),
    "pages are recorded, patients are not": (
        Conduct(records=KINDS - {"view"} | {"page"}), but(covers_events=U),
    ),
    "numbers that count the rows of the page": (
        Conduct(row_numbers=True, removers=frozenset({"系统管理员"})), but(log_protection=U),
    ),
    # What is done to users, by any word, and in logs that are kept apart.
    "everything on users is recorded": (Conduct(records=ALL, users=True), but()),
    "as changes of whatever": (Conduct(records=ALL, users=True, wide=True), but()),
    "changes of rights are not recorded": (
        Conduct(records=ALL - {"grant"}, users=True), but(covers_events=P),
    ),
    "nothing on users is recorded": (Conduct(users=True), but(covers_events=P)),
    # One record of a change is there, and two changes were made.
    "one of two changes is recorded": (
        Conduct(records=ALL - {"grant"}, users=True, wide=True), but(covers_events=U),
    ),
    "two logs, complete": (Conduct(records=ALL, users=True, split=True), but()),
    "two logs, exports are in none": (
        Conduct(records=ALL - {"export"}, users=True, split=True), but(covers_events=P),
    ),
    "two logs, pages of five, oldest first": (
        Conduct(split=True, oldest_first=True, page=5), but(covers_events=U, log_protection=U),
    ),
    "no table on the page": (Conduct(no_table=True), dict.fromkeys(QUESTIONS, U)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def see(asset: WebAsset, *, level: Level = Level.INTRUDE) -> Sight:
    return look(asset, scope=msgspec.structs.replace(SCOPE, level=level), only=("web.trail",), profile=BRIEF)


# Whether it is taken down who looked at a person, in the situations that matter for it.
LOGGED: Mapping[str, str] = {
    "complete": C, "complete, as JSON": C, "successful logins only": N, "views are not recorded": P,
    "nothing is recorded": N, "oldest first, a page of five": U, "the log names people, not accounts": U,
    "a page of patients that refuses with status 200": U, "pages are recorded, patients are not": U,
    "the reader sees records of its own alone": U,
}  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS)
def test_logs_are_judged_by_what_they_took_down(situation: str) -> None:
    conduct, expected = SITUATIONS[situation]
    with serving(conduct) as running:
        sight = see(running.asset())
        got = sight.verdicts(QUESTIONS)
    logged = sight.judge("privacy.access_logged")
    told = (logged.verdict or logged.status).value
    assert told == LOGGED.get(situation, told), logged.statement
    wrong = {
        one: f"{got[one]}: {sight.judge(one).statement}" for one in QUESTIONS if got[one] != expected[one]
    }
    assert not wrong, f"{situation}: {wrong}"


def test_only_records_of_our_own_are_ever_touched() -> None:
    everybody = frozenset({"", "医生", "系统管理员", "审计员"})
    with serving(Conduct(removers=everybody, alters=everybody)) as running:
        sight = see(running.asset())
        assert len(running.hospital.changed) == 8
        assert all(one.startswith("dbjc") for one in running.hospital.changed)
        assert sum(one["user"] == "old" for one in running.hospital.log) == 5
    tampering = sight.facts["web.log_tampering"]
    assert isinstance(tampering, WebLogTampering)
    assert {one.account for one in tampering.tries} == {"", "ys1", "xt1", "sj1"}
    assert all(one.intact is False for one in tampering.tries)
    requests = [request for purpose, request in sight.announced if purpose.clause == "3.c.1"]
    assert len(requests) >= 8


def test_a_log_table_is_read_through_its_database(tmp_path: Path) -> None:
    database = DatabaseAsset(id="db", name="", platform="sqlite", path=str(tmp_path / "log.db"))
    columns = {one: one for one in ("entry", "time", "user", "type", "result")}
    table = TableRef(database="db", table="audit", columns=columns)
    with serving(Conduct(records=KINDS - {"export"})) as running:
        running.hospital.file = tmp_path / "log.db"
        running.hospital.save()
        asset = running.asset(path="", columns={}, table=table, remove=None, alter=None)
        sight = look(
            asset, scope=SCOPE, only=("web.trail",), profile=BRIEF, others=(database,), folder=tmp_path
        )
    trail = sight.facts["web.trail"]
    assert isinstance(trail, WebTrail)
    assert (trail.source, trail.newest_first, trail.oldest_days) == ("table", True, 200)
    assert sight.verdicts(QUESTIONS) == but(covers_events=P, record_fields=P, log_protection=U)
    assert sight.missing["web.log_tampering"].reason is Reason.NOT_DECLARED
    assert not any(b"dbjc" in one for name, one in sight.raw.items() if name == "table.txt")


def test_below_the_level_nothing_is_sent() -> None:
    with serving(Conduct()) as running:
        before = len(running.hospital.log)
        below = see(running.asset(), level=Level.LOGIN)
        assert len(running.hospital.log) == before
    assert below.verdicts(QUESTIONS) == dict.fromkeys(QUESTIONS, U)
    assert below.judge(ENABLED).reason is Reason.NOT_AUTHORISED
