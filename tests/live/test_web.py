"""Live web applications: every verdict was written down before the first run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec
import pytest

from dengbao.errors import Interrupted, Reason
from dengbao.model import Account, Level, Marker, Raw, Scope, WebAsset
from dengbao.probes.base import Context, Observed
from dengbao.probes.web import attempts, session
from dengbao.probes.web.facts import WebDefaultAccounts, WebEmptyPassword, WebLogout, WebSession
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets

from ..servers.web import PASSWORD, USER, VARIABLE, Certificates, Conduct, Running, mint, serving
from .harness import PROFILE, MemoryLedger, Sight, agree, look

PROBES = ("web.anonymous", "web.session", "web.empty_password", "web.default_accounts")
C, P, N, U = "conform", "partial", "nonconform", "undetermined"

# What TLS offers is looked at by other probes, which these tests do not run.
ELSEWHERE = {
    "confidentiality.certificate": U, "confidentiality.transport": U, "integrity.transport": U,
    "integrity.tampering": U, "intrusion.tls_weaknesses": U,
}  # fmt: skip
SOUND = {
    "identity.login_required": C, "access.anonymous_disabled": C, "privacy.restricted_access": C,
    "identity.empty_password": C, "access.default_password": C,
    "identity.logout_ends_session": C, "residual.session": C,
    "identity.session_cookie": C, "residual.cache_headers": C,
    "identity.remote_admin_encrypted": C, "confidentiality.cleartext_login": C,
    "intrusion.web_headers": C,
}  # fmt: skip
STRANGERS = ("identity.login_required", "access.anonymous_disabled", "privacy.restricted_access")
LOGINS = ("identity.empty_password", "access.default_password")
ENDINGS = ("identity.logout_ends_session", "residual.session")
CHANNEL = ("identity.remote_admin_encrypted", "confidentiality.cleartext_login")
SESSION = (*ENDINGS, "identity.session_cookie", "residual.cache_headers")
NO_LOGIN = (*LOGINS, *SESSION)
UNTOLD = (*ENDINGS, "residual.cache_headers")


def but(*changes: tuple[tuple[str, ...] | str, str]) -> dict[str, str]:
    """Return the verdicts of a sound application with some of them changed."""
    found = {**SOUND, **ELSEWHERE}
    for names, verdict in changes:
        found.update(dict.fromkeys((names,) if isinstance(names, str) else names, verdict))
    return found


WEAK = Conduct(
    tls=False, headers=False, server="nginx/1.18.0", secure=False, http_only=False, same_site="", renew=False,
    logout="browser", accounts={USER: PASSWORD, "admin": "admin"}, empty_passes=True, cache="", errors=True,
)  # fmt: skip

SITUATIONS: Mapping[str, tuple[Conduct, dict[str, str]]] = {
    "hardened": (Conduct(), but()),
    "hardened with csrf token": (Conduct(csrf=True), but()),
    "hardened json with cookie": (Conduct(json=True, guard="401"), but()),
    "hardened json with bearer token": (Conduct(json=True, bearer=True, guard="json200"), but()),
    "hardened json with a token header of its own": (
        Conduct(json=True, bearer=True, guard="401", token_header="X-Access-Token"), but(),
    ),
    "login form in place": (Conduct(guard="soft", csrf=True), but()),
    "sent to login by script": (Conduct(guard="script"), but()),
    "sent to login by refresh": (Conduct(guard="refresh"), but()),
    "forbidden to strangers": (Conduct(guard="403"), but()),
    "hidden from strangers": (Conduct(guard="404"), but()),
    "one session, new cookie at each page": (Conduct(single=True, rolling=True, redundant=True), but()),
    "chinese encoding": (Conduct(charset="gb18030", guard="soft"), but()),
    "weak": (
        WEAK,
        but(
            (LOGINS, N), (SESSION, N), (CHANNEL, N), ("intrusion.web_headers", N),
            ("access.anonymous_disabled", N),
        ),
    ),
    # Without a page that strangers cannot see nothing tells whether a login worked.
    "open pages": (Conduct(guard="open"), but((STRANGERS, N), (NO_LOGIN, U))),
    "content in the redirect": (Conduct(guard="leak"), but((STRANGERS, N))),
    "token outlives logout": (
        Conduct(json=True, bearer=True, guard="401", logout="none"), but((ENDINGS, N)),
    ),
    "cookie outlives logout": (Conduct(logout="browser"), but((ENDINGS, N))),
    "logout does nothing": (Conduct(logout="none"), but((ENDINGS, N))),
    "script can read the cookie": (Conduct(http_only=False), but(("identity.session_cookie", P))),
    "cookie may travel in clear": (Conduct(secure=False), but(("identity.session_cookie", N))),
    "session id kept at login": (Conduct(renew=False), but(("identity.session_cookie", P))),
    "pages may be cached": (Conduct(cache="no-cache"), but(("residual.cache_headers", N))),
    "password in the address": (Conduct(get_form=True), but((CHANNEL, P))),
    "version told": (Conduct(server="Apache/2.4.6"), but(("intrusion.web_headers", P))),
    "default account": (
        Conduct(accounts={USER: PASSWORD, "admin": "admin"}),
        but(("access.default_password", N), ("access.anonymous_disabled", N)),
    ),
    "empty password": (Conduct(empty_passes=True), but(("identity.empty_password", N))),
    "any password": (Conduct(anything_passes=True), but((LOGINS, N), ("access.anonymous_disabled", N))),
    "logout asks again": (Conduct(logout="confirm"), but((ENDINGS, U))),
    # Traps: nothing here may be taken for right or wrong.
    "the same answer everywhere": (
        Conduct(everything=True), but((STRANGERS, U), (NO_LOGIN, U), (CHANNEL, U)),
    ),
    "drawn by scripts": (
        Conduct(spa=True, guard="client"), but((STRANGERS, U), (NO_LOGIN, U), (CHANNEL, U)),
    ),
    # The page changes with the login, so that logins can be told; what strangers see of it cannot.
    "login form beside the content": (Conduct(guard="menu"), but((STRANGERS, U), (UNTOLD, U))),
    "words beside the content": (Conduct(guard="words"), but((STRANGERS, N), (UNTOLD, U))),
    # The script is all that strangers are sent: the server does tell them apart.
    "strangers get a script": (Conduct(guard="client"), but()),
    "captcha": (Conduct(captcha=True), but((NO_LOGIN, U))),
    "rights taken away": (Conduct(forbidden=True), but((NO_LOGIN, U))),
    "account taken away": (Conduct(accounts={}), but((NO_LOGIN, U))),
    "account locked": (Conduct(lock_after=-1), but((NO_LOGIN, U))),
}  # fmt: skip


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return mint(tmp_path_factory.mktemp("web"))


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


@pytest.fixture(scope="module")
def hardened(certificates: Certificates) -> Iterator[Running]:
    with serving(Conduct(), certificates) as running:
        yield running


def see(asset: WebAsset, *, only: tuple[str, ...] = PROBES, ledger: MemoryLedger | None = None) -> Sight:
    scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
    return look(asset, scope=scope, only=only, ledger=ledger)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdicts_are_those_written_down(situation: str, certificates: Certificates) -> None:
    conduct, expected = SITUATIONS[situation]
    with serving(conduct, certificates) as running:
        agree(f"web: {situation}", see(running.asset()), expected)


def test_a_logout_by_form_carries_its_token(certificates: Certificates) -> None:
    with serving(Conduct(logout="post"), certificates) as running:
        by_form = see(running.asset(logout_method="POST"), only=("web.session",))
        by_link = see(running.asset(), only=("web.session",))
    assert by_form.verdicts(ENDINGS) == dict.fromkeys(ENDINGS, C)
    assert by_link.verdicts(ENDINGS) == dict.fromkeys(ENDINGS, U)
    assert "返回 405" in by_link.judge(ENDINGS[0]).statement


def test_a_logout_that_is_not_declared_or_cannot_be_shown_is_told(certificates: Certificates) -> None:
    with serving(Conduct(forbidden=True), certificates) as running:
        login = running.login(success=Marker(status=303))
        rightless = see(running.asset(login=login), only=("web.session",))
        undeclared = see(running.asset(login=login, logout=""), only=("web.session",))
        pageless = see(running.asset(login=login, protected=()), only=("web.session",))
    assert isinstance(rightless.facts["web.session"], WebSession)
    assert rightless.missing["web.logout"].reason is Reason.NO_PERMISSION
    assert undeclared.missing["web.logout"].reason is Reason.NOT_DECLARED
    assert pageless.missing["web.logout"].reason is Reason.NOT_DECLARED
    for sight in (rightless, undeclared, pageless):
        assert sight.verdicts(ENDINGS) == dict.fromkeys(ENDINGS, U)


def test_probes_that_log_in_take_turns(certificates: Certificates) -> None:
    """Where a new login ends the older session, two at once would pass for a logout that works."""

    async def all_at_once(asset: WebAsset, context: Context) -> tuple[Observed, ...]:
        return await asyncio.gather(
            session.probe(asset, context),
            attempts.empty_password(asset, context),
            attempts.default_accounts(asset, context),
        )

    with serving(Conduct(single=True, logout="none"), certificates) as running:
        scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
        context = Context(
            guard=Guard(scope, log=lambda _contact: None), secrets=Secrets(Redactor()), ledger=MemoryLedger(),
            keep=lambda name, data: Raw(name=name, sha256="", size_bytes=len(data)), profile=PROFILE,
            announce=lambda _purpose, _request: None,
        )  # fmt: skip
        observed = asyncio.run(all_at_once(running.asset(), context))
    logout = next(one for one in observed[0].facts if isinstance(one, WebLogout))
    assert [one.ended for one in logout.replays] == [False, False, False]


def test_a_default_account_of_a_person_is_never_tried(certificates: Certificates) -> None:
    with serving(Conduct(), certificates) as running:
        asset = running.asset()
        people = (*asset.accounts, Account(id="boss", username="Admin"))
        sight = see(msgspec.structs.replace(asset, accounts=people))
    assert "admin" not in {name for name, _ in running.hospital.attempts}
    assert sight.verdicts(["access.default_password"]) == {"access.default_password": U}
    assert "为避免锁定未尝试" in sight.judge("access.default_password").statement


def test_each_attempt_is_sent_once_and_noted_before(certificates: Certificates) -> None:
    with serving(Conduct(), certificates) as running:
        sight = see(running.asset())
        again = see(running.asset(), only=PROBES[2:], ledger=sight.ledger)
    wrong = [one for one in running.hospital.attempts if one[1] != PASSWORD]
    assert sorted(wrong) == sorted([("admin", "admin"), ("test", "123456"), (USER, "")])
    first, second = (one.facts["web.empty_password"] for one in (sight, again))
    assert isinstance(first, WebEmptyPassword)
    assert isinstance(second, WebEmptyPassword)
    assert second.attempt == first.attempt  # with the time it was really sent
    assert None not in sight.ledger.outcomes.values()


def test_an_attempt_that_was_cut_off_is_not_sent_again(certificates: Certificates) -> None:
    class CutOff(MemoryLedger):
        def begin(self, key: str) -> str | None:
            raise Interrupted(f"上次检测在此中断：{key}")

    with serving(Conduct(), certificates) as running:
        sight = see(running.asset(), ledger=CutOff())
    assert {password for _, password in running.hospital.attempts} == {PASSWORD}
    assert sight.missing["web.empty_password"].reason is Reason.INTERRUPTED
    assert sight.verdicts(LOGINS) == dict.fromkeys(LOGINS, U)


def test_default_accounts_stop_at_the_first_sign_of_a_lock(certificates: Certificates) -> None:
    with serving(Conduct(lock_after=1), certificates) as running:
        running.hospital.failures["root"] = 1  # somebody else's
        profile = {**PROFILE, "web_default_accounts": ("admin:a", "root:b", "test:c")}
        scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
        sight = look(running.asset(), scope=scope, only=("web.default_accounts",), profile=profile)
    assert [one for one in running.hospital.attempts if one[0] != USER] == [("admin", "a"), ("root", "b")]
    seen = sight.facts["web.default_accounts"]
    assert isinstance(seen, WebDefaultAccounts)
    assert [bool(one.skipped) for one in seen.tries] == [False, False, True]


def test_no_name_is_tried_more_than_once(certificates: Certificates) -> None:
    with serving(Conduct(), certificates) as running:
        profile = {**PROFILE, "web_default_accounts": ("a:1", "A:2", "a:3", "broken", "b:1")}
        scope = Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",), connections_per_s=2000)
        sight = look(running.asset(), scope=scope, only=("web.default_accounts",), profile=profile)
    assert [one for one in running.hospital.attempts if one[0] != USER] == [("a", "1"), ("b", "1")]
    outcome = sight.judge("access.default_password")
    assert outcome.status.value == U
    assert "每个账户只尝试一次" in outcome.statement


def test_a_marker_that_fits_every_answer_proves_nothing(certificates: Certificates) -> None:
    """Without protected pages only markers speak; one that any answer bears is found out by a control."""
    with serving(Conduct(json=True), certificates) as running:
        login = running.login(success=Marker(status=200))
        sight = see(running.asset(login=login, protected=()))
    seen = sight.facts["web.empty_password"]
    assert isinstance(seen, WebEmptyPassword)
    assert seen.control.wrong is not None
    assert seen.control.wrong.accepted
    assert sight.verdicts(LOGINS) == dict.fromkeys(LOGINS, U)


def test_markers_alone_decide_where_they_tell_success_from_failure(certificates: Certificates) -> None:
    with serving(replace(WEAK, accounts={USER: PASSWORD}), certificates) as running:
        login = running.login(success=Marker(status=303, cookie="SESSION"))
        sight = see(running.asset(login=login, protected=()))
    seen = sight.facts["web.empty_password"]
    assert isinstance(seen, WebEmptyPassword)
    assert seen.control.wrong is not None
    assert sight.verdicts(LOGINS) == {"identity.empty_password": N, "access.default_password": C}


def test_nothing_secret_is_kept(certificates: Certificates) -> None:
    with serving(Conduct(csrf=True), certificates) as running:
        sight = see(running.asset())
        known = {one for one in running.hospital.sessions if len(one) > 16}
    told = b"\n".join(sight.raw.values()) + msgspec.json.encode(tuple(sight.facts.values()))
    assert known
    assert not [one for one in (*known, PASSWORD) if one.encode() in told]
    assert "诊断记录".encode() not in told
    assert set(sight.raw) == {f"{one}.txt" for one in PROBES}


def test_levels_keep_probes_from_running(hardened: Running) -> None:
    before = len(hardened.hospital.attempts)
    scope = Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",), connections_per_s=2000)
    sight = look(hardened.asset(), scope=scope, only=PROBES)
    assert len(hardened.hospital.attempts) == before
    expected = but((NO_LOGIN, U))
    agree("web: only observing", sight, expected)
    assert sight.judge("identity.empty_password").reason is Reason.NOT_AUTHORISED


def test_an_undeclared_login_and_no_pages_are_told(hardened: Running) -> None:
    sight = see(hardened.asset(login=None, protected=(), public=()))
    expected = but((STRANGERS, U), (NO_LOGIN, U))
    agree("web: nothing declared", sight, expected)
    assert sight.missing["web.pages"].reason is Reason.NOT_DECLARED
    assert sight.missing["web.session"].reason is Reason.NOT_DECLARED


def test_a_certificate_of_another_authority_keeps_the_password_here(
    hardened: Running, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = len(hardened.hospital.attempts)
    other = mint(tmp_path_factory.mktemp("other"))
    sight = see(hardened.asset(ca_file=str(other.ca_file)))
    assert len(hardened.hospital.attempts) == before
    agree("web: another authority", sight, {**dict.fromkeys(SOUND, U), **ELSEWHERE})
    assert "CA 校验" in sight.missing["web.session"].message


def test_an_unverified_certificate_is_looked_at_and_told(hardened: Running) -> None:
    sight = see(hardened.asset(ca_file=""), only=("web.anonymous", "web.session"))
    headers = msgspec.to_builtins(sight.facts["web.headers"])
    assert headers["certificate_verified"] is False
    assert isinstance(sight.facts["web.session"], WebSession)


def test_a_closed_port_leaves_everything_undetermined(hardened: Running) -> None:
    sight = see(hardened.asset(url="https://127.0.0.1:1"))
    agree("web: closed port", sight, {**dict.fromkeys(SOUND, U), **ELSEWHERE})
    assert {one.reason for one in sight.missing.values()} == {Reason.UNREACHABLE}
