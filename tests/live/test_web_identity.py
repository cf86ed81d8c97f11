"""How applications know their users, measured at a real server: every verdict was written down before."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

import msgspec
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, Level, ParamValue, Scope, WebAsset, WebLogin
from dengbao.probes.logins import Logins
from dengbao.probes.registry import probes_for
from dengbao.probes.web.entering import Unclear
from dengbao.probes.web.facts_identity import WebIdle, WebUniqueness
from dengbao.probes.web.temporary import derived
from dengbao.probes.web.users import undo
from tests.servers.clinic import PASSWORDS, SEED, SEED_VARIABLE, VARIABLES, Conduct, Running, serving

from .harness import PROFILE, MemoryLedger, Sight, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
# A server of a test ends idle sessions and locks after seconds, not minutes.
IDLE_S, LOCK_S, WAIT_S = 1, 6, 1.1
PARAMS: Mapping[str, Mapping[str, ParamValue]] = {
    "identity.idle_timeout": {"idle_timeout_max_s": IDLE_S},
    "identity.lockout": {"lockout_min_duration_s": LOCK_S},
}
REACH = ("web.anonymous", "web.session", "web.reach", "web.forged")
LOCK = ("web.failures", "web.lockout")
PASSWORD, USERS, IDLE, FACTOR = "web.password_change", "web.uniqueness", "web.idle", "web.second_factor"
CLOSED, STALE = ("web.users", "web.closing"), "access.stale_disabled"
ROSTER = Conduct(total=True)
REQUIRED, UNIQUE = "identity.login_required", "identity.unique_accounts"
COMPLEX, IDLES = "identity.password_complexity", "identity.idle_timeout"
ENDED = "residual.password_change"
FACTORS = ("identity.two_factor", "identity.crypto_factor")
LOCKS = ("identity.lockout", "identity.login_failure")
SHORT = Conduct(idle_s=0.9)
TOTP = Conduct(factor="enforced")

Table = Mapping[str, tuple[Conduct, tuple[str, ...], Mapping[str, str]]]
SITUATIONS: Table = {
    # What everybody can see, and credentials the server never gave.
    "everything asks": (Conduct(), REACH, {REQUIRED: C}),
    "page of persons open": (Conduct(open_paths=("/patients/7",)), REACH, {REQUIRED: N}),
    "interface open": (Conduct(open_paths=("/api/records",)), REACH, {REQUIRED: N}),
    "signed token": (Conduct(token="jwt"), REACH, {REQUIRED: C}),
    "token without signature taken": (Conduct(token="jwt-unsigned"), REACH, {REQUIRED: N}),
    "token with alg none taken": (Conduct(token="jwt-none"), REACH, {REQUIRED: N}),
    "signature not looked at": (Conduct(token="jwt-any"), REACH, {REQUIRED: N}),
    "session id known by its beginning": (Conduct(token="prefix"), REACH, {REQUIRED: N}),
    # Locks: only the right password that is refused counts.
    "locks": (Conduct(), LOCK, dict.fromkeys(LOCKS, C)),
    "locks without a word": (Conduct(lock_silent=True), LOCK, dict.fromkeys(LOCKS, C)),
    "locks sooner": (Conduct(lock_after=3), LOCK, dict.fromkeys(LOCKS, C)),
    "locks the address": (Conduct(lock_by="address"), LOCK, dict.fromkeys(LOCKS, C)),
    "never locks": (Conduct(lock_after=0), LOCK, dict.fromkeys(LOCKS, N)),
    "locks too late": (Conduct(lock_after=6), LOCK, dict.fromkeys(LOCKS, N)),
    "says locked, is not": (Conduct(lock_by="message"), LOCK, dict.fromkeys(LOCKS, N)),
    "locks for a moment": (Conduct(lock_s=0.9), LOCK, {LOCKS[0]: P, LOCKS[1]: C}),
    "asks for a captcha": (Conduct(lock_by="captcha", lock_after=3), LOCK, {LOCKS[0]: U, LOCKS[1]: C}),
    "any password": (Conduct(anything_passes=True), LOCK, dict.fromkeys(LOCKS, N)),
    "tells which users there are": (Conduct(tells_users=True), LOCK, {LOCKS[0]: C, LOCKS[1]: P}),
    "tells them by status": (Conduct(tells_by_status=True), LOCK, {LOCKS[0]: C, LOCKS[1]: P}),
    # New passwords.
    "refuses weak ones": (Conduct(), (PASSWORD,), {COMPLEX: C, ENDED: C}),
    "takes short ones": (Conduct(min_chars=4), (PASSWORD,), {COMPLEX: P, ENDED: C}),
    # Sessions from before the change.
    "sessions outlive their password": (Conduct(change_ends_sessions=False), (PASSWORD,), {ENDED: N}),
    "one session only, whatever the password": (
        Conduct(change_ends_sessions=False, single=True),
        (PASSWORD,),
        {ENDED: U},
    ),
    "two sessions only, whatever the password": (
        Conduct(change_ends_sessions=False, most_sessions=2),
        (PASSWORD,),
        {ENDED: N},
    ),
    "takes three classes": (Conduct(classes=3), (PASSWORD,), {COMPLEX: P}),
    "takes a single class": (Conduct(classes=1), (PASSWORD,), {COMPLEX: N}),
    "remembers three": (Conduct(history=3), (PASSWORD,), {COMPLEX: C}),
    "takes no new password": (Conduct(change_works=False), (PASSWORD,), {COMPLEX: U, ENDED: U}),
    # Users.
    "one of a name": (Conduct(), (USERS,), {UNIQUE: C}),
    "other case is another user": (Conduct(unique="exact"), (USERS,), {UNIQUE: P}),
    "two of a name": (Conduct(unique="none"), (USERS,), {UNIQUE: N}),
    "refuses any second user": (Conduct(unique="once"), (USERS,), {UNIQUE: U}),
    "creates nobody": (Conduct(creates=False), (USERS,), {UNIQUE: U}),
    # Users that were disabled.
    "disabled users are refused": (ROSTER, CLOSED, {STALE: C}),
    "disabled users go on": (Conduct(total=True, disabled_go_on=True), CLOSED, {STALE: P}),
    "disabled users log in": (Conduct(total=True, disabled_log_in=True), CLOSED, {STALE: N}),
    "disabling does nothing": (Conduct(total=True, disables=False), CLOSED, {STALE: U}),
    "disabling says nothing": (Conduct(total=True, says_disabled=False), CLOSED, {STALE: C}),
    "removed users log in": (Conduct(total=True, removed_log_in=True), CLOSED, {STALE: N}),
    "one session only, users closed": (Conduct(total=True, single=True), CLOSED, {STALE: C}),
    "one token for every login, users closed": (Conduct(total=True, shared=True), CLOSED, {STALE: C}),
    "no user can be created": (Conduct(total=True, creates=False), CLOSED, {STALE: U}),
    # Idle sessions.
    "idle sessions end": (SHORT, (IDLE,), {IDLES: C}),
    "idle sessions go on": (Conduct(), (IDLE,), {IDLES: N}),
    "one session only": (Conduct(single=True, idle_s=0.9), (IDLE,), {IDLES: U}),
    "one token for every login": (Conduct(shared=True), (IDLE,), {IDLES: U}),
    "all sessions end": (Conduct(absolute_s=1.0), (IDLE,), {IDLES: U}),
    # The second factor.
    "declared, not asked for": (Conduct(factor="declared"), (FACTOR,), dict.fromkeys(FACTORS, N)),
    "enforced": (TOTP, (FACTOR,), dict.fromkeys(FACTORS, C)),
    "can be left out": (Conduct(factor="skippable"), (FACTOR,), dict.fromkeys(FACTORS, N)),
    "any code": (Conduct(factor="unchecked"), (FACTOR,), dict.fromkeys(FACTORS, N)),
}


@pytest.fixture(autouse=True)
def _passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEED_VARIABLE, SEED)
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(VARIABLES[name], password)


def see(
    asset: WebAsset, only: tuple[str, ...], *, level: Level = Level.DISRUPT, wait_s: float = WAIT_S,
    ledger: MemoryLedger | None = None, others: tuple[WebAsset, ...] = (),
    more: Mapping[str, ParamValue] = {},
) -> Sight:  # fmt: skip
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000, wait_s=wait_s)
    profile = {**PROFILE, "idle_timeout_max_s": IDLE_S, "lockout_min_duration_s": LOCK_S, **more}
    return look(asset, scope=scope, only=only, profile=profile, ledger=ledger, others=others)


def unharmed(running: Running) -> None:
    """Assert that nobody but the sacrificial account was ever near a lock, and all is as it was."""
    clinic = running.clinic
    assert clinic.passwords == PASSWORDS
    assert clinic.users == list(PASSWORDS)
    assert set(clinic.locked) <= {"victim", "address"}
    wrong = [user for user, password in clinic.attempts if PASSWORDS.get(user) != password]
    assert wrong.count("victim") <= 6  # five, and one for comparison
    for name in ("doctor", "boss"):
        assert clinic.most_in_a_row.get(name, 0) <= 1, name


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdicts_are_those_written_down(situation: str) -> None:
    conduct, probes, expected = SITUATIONS[situation]
    with serving(conduct) as running:
        sight = see(running.asset(), probes)
        found = {one: sight.judge(one, PARAMS.get(one, {})) for one in expected}
        got = {one: (seen.verdict or seen.status).value for one, seen in found.items()}
        assert got == expected, [one.statement for one in found.values()]
        assert not sight.ledger.owed
        unharmed(running)


def test_an_imported_session_is_never_used_as_a_password() -> None:
    with serving(Conduct()) as running:
        login = WebLogin(path="/patients", style="session", account="doctor")
        probes = (*LOCK, PASSWORD, USERS, IDLE, "web.reach")
        sight = see(running.asset(login=login), probes)
        assert running.clinic.attempts == []
        assert not [one for one in running.clinic.requests if one[0] != "GET"]
    assert not sight.facts
    assert "web.idle" in sight.missing
    assert {sight.missing[one].reason for one in ("web.failures", "web.lockout", "web.reach")} == {
        Reason.NOT_SUPPORTED
    }


def test_without_a_sacrificial_account_nobody_is_given_a_wrong_password() -> None:
    with serving(Conduct()) as running:
        whole = running.asset()
        for accounts in (
            whole.accounts[:2],
            tuple(msgspec.structs.replace(one, sacrificial=one.id == "doctor") for one in whole.accounts),
            (*whole.accounts, Account(id="other", username=" Victim")),
        ):
            sight = see(msgspec.structs.replace(whole, accounts=accounts), LOCK)
            assert {one.reason for one in sight.missing.values()} == {Reason.NOT_DECLARED}
            assert "处理：" in sight.judge("identity.lockout").statement
        assert running.clinic.attempts == []


def test_a_password_that_was_refused_is_not_tried_by_one_probe_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("doctor", "boss"):
        monkeypatch.setenv(VARIABLES[name], "Mistyped-Pass-2026!")
    with serving(Conduct()) as running:
        probes = tuple(one.name for one in probes_for(running.asset()) if one.name not in LOCK)
        sight = see(running.asset(), probes)
        wrong = Counter(user for user, password in running.clinic.attempts if PASSWORDS.get(user) != password)
        assert wrong["doctor"] == 1
        assert wrong["boss"] <= 1
        assert running.clinic.locked == {}
    assert {sight.missing[one].reason for one in (IDLE, PASSWORD)} == {Reason.LOGIN_REFUSED}


def test_wrong_passwords_come_from_one_of_two_assets_that_are_one_application() -> None:
    probes = ("web.empty_password", "web.default_accounts", FACTOR)
    with serving(Conduct()) as running:
        first = running.asset()
        second = running.asset(
            id="again",
            accounts=tuple(msgspec.structs.replace(one, sacrificial=False) for one in first.accounts),
        )
        whole = {"web_default_accounts": ("boss:boss", "nurse:nurse")}
        see(first, probes, more=whole)
        see(second, probes, others=(first,), more=whole)
        wrong = [user for user, password in running.clinic.attempts if PASSWORDS.get(user) != password]
        assert sorted(one for one in wrong if one in PASSWORDS) == ["doctor"]
        assert wrong.count("nurse") == 1
        assert not see(first, LOCK, others=(second,)).facts  # the sacrificial one is not that everywhere


@pytest.mark.parametrize("conduct", [Conduct(), Conduct(history=3), Conduct(classes=1)])
def test_changing_a_password_sends_no_wrong_one_where_answers_are_true(conduct: Conduct) -> None:
    with serving(conduct) as running:
        sight = see(running.asset(), (PASSWORD,))
        tried = [password for user, password in running.clinic.attempts if user == "doctor"]
        assert tried
        assert running.clinic.most_in_a_row.get("doctor", 0) == 0
        unharmed(running)
    assert not sight.ledger.owed


def test_no_probe_logs_in_with_an_account_whose_password_could_not_be_set_back() -> None:
    with serving(Conduct(history=9)) as running:
        ledger = MemoryLedger()
        whole = running.asset()
        declared = running.application().password_change
        assert declared is not None
        change = msgspec.structs.replace(declared, history=0)
        told = msgspec.structs.replace(running.application(), password_change=change)
        see(
            msgspec.structs.replace(whole, app=told),
            (PASSWORD, "web.session", IDLE, "web.forged"),
            ledger=ledger,
        )
        assert running.clinic.most_in_a_row.get("doctor", 0) <= 1
        assert ledger.owed


class Busy(Logins):
    """A run in which two more sessions of every account begin whenever somebody asks."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def counted(self, place: str, username: str) -> int:
        del place, username
        self.asked += 2
        return self.asked


@pytest.mark.parametrize(("most", "wanted"), [(0, C), (2, U)])
def test_a_session_pushed_out_by_others_is_not_taken_for_an_idle_one(most: int, wanted: str) -> None:
    with serving(Conduct(idle_s=0.9, most_sessions=most)) as running:
        scope = Scope(level=Level.LOGIN, addresses=("127.0.0.0/8",), connections_per_s=2000, wait_s=WAIT_S)
        profile = {**PROFILE, "idle_timeout_max_s": IDLE_S}
        asset = running.asset(logout="")
        sight = look(asset, scope=scope, only=(IDLE,), profile=profile, logins=Busy())
        seen = sight.judge(IDLES, PARAMS[IDLES])
        assert (seen.verdict or seen.status).value == wanted, seen.statement
    found = sight.facts[IDLE]
    assert isinstance(found, WebIdle)
    assert found.awake_kept is True
    assert found.awake_s is not None
    assert found.awake is not None
    if found.awake.ended is False:
        assert found.awake_s >= (found.waited_s or 0)
        assert "未见绝对有效期" in seen.statement


OURS = f"dbjc{derived(PASSWORDS['boss'], 'user', length=8, sets=('a1',))}"


@pytest.mark.parametrize(
    ("conduct", "there", "search", "settled"),
    [
        (Conduct(), True, False, True),  # it was shown, and is no more
        (Conduct(listed=3), True, False, False),  # gone, and nothing shows it
        (Conduct(listed=3, removes=False), True, False, False),
        (Conduct(listed=3, says_removed=True), True, False, True),
        (Conduct(listed=3), True, True, True),
        (Conduct(listed=3, removes=False), True, True, False),
        (Conduct(), False, False, False),  # a list that does not tell whether it is the whole of it
        (Conduct(total=True), False, False, True),
        (Conduct(listed=3, total=True), True, False, True),
        (Conduct(listed=3, total=True, removes=False), True, False, False),
    ],
)
def test_a_user_is_owed_until_it_is_gone_for_sure(
    conduct: Conduct, there: bool, search: bool, settled: bool
) -> None:
    with serving(conduct) as running:
        app = running.application()
        assert app.users is not None
        users = msgspec.structs.replace(app.users, find_path="/users/find?q={username}" if search else "")
        asset = running.asset(app=msgspec.structs.replace(app, users=users))
        ledger = MemoryLedger(owed={"user/new": f"新建测试用户 {OURS}"})
        context = see(asset, ("web.anonymous",)).context(ledger)
        if there:
            running.clinic.users.append(OURS)
        if settled:
            asyncio.run(undo(asset, context))
        else:
            with pytest.raises(Unclear, match="未能确认"):
                asyncio.run(undo(asset, context))
        assert (ledger.owed == {}) is settled
        assert (OURS in running.clinic.users) is (there and not conduct.removes)
        assert set(PASSWORDS) <= set(running.clinic.users)


def test_names_that_are_listed_twice_are_kept_masked() -> None:
    with serving(Conduct()) as running:
        running.clinic.users += ["zhangsan", "ZhangSan"]
        sight = see(running.asset(), (USERS,))
    seen = sight.facts["web.uniqueness"]
    assert isinstance(seen, WebUniqueness)
    assert (seen.names, seen.doubled) == (4, ("z***",))
    assert (sight.judge(UNIQUE).verdict or "") == N
