"""Applications that others wrote: every verdict was established by hand before the first run.

What was done by hand, and what came back, stands in docs/reference/third-party-apps.md.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import msgspec
import pytest
import yaml

from dengbao.discovery.run import Wish, discover
from dengbao.engines import find_engines
from dengbao.model import Account, Level, Scope, WebAsset
from dengbao.probes.registry import probes_for
from dengbao.probes.tls.facts import TlsWeaknesses
from dengbao.probes.web.facts import WebDefaultAccounts, WebSession
from dengbao.undoing import owed_in
from tests.runs import HEAD, dengbao, environment

from ..discovery.reading import read_back
from ..servers.apps.appbuilder import appbuilder
from ..servers.apps.cockpit import cockpit
from ..servers.apps.jupyterhub import jupyterhub
from ..servers.apps.site import PASSWORDS, Site, page, variables
from ..servers.apps.twofactor import twofactor
from ..servers.apps.wordpress import wordpress
from ..servers.postgres import server_folder
from .harness import PROFILE, REGISTRY, Sight, agree, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
APPS: Mapping[str, Callable[[Path], AbstractContextManager[Site]]] = {
    "wordpress": wordpress, "cockpit": cockpit, "jupyterhub": jupyterhub, "twofactor": twofactor,
    "appbuilder": appbuilder,
}  # fmt: skip
PROBES = ("web.anonymous", "web.session", "web.empty_password", "web.default_accounts")
TLS_PROBES = ("tls.web", "tls.weaknesses")
# Four stand behind the same nginx: its TLS is looked at once, and that of Cockpit's own.
TLS_AT = ("cockpit", "appbuilder")
ENGINES = find_engines()

STRANGERS = ("identity.login_required", "access.anonymous_disabled", "privacy.restricted_access")
LOGINS = ("identity.empty_password", "access.default_password")
ENDINGS = ("identity.logout_ends_session", "residual.session")
CHANNEL = ("identity.remote_admin_encrypted", "confidentiality.cleartext_login")
TLS = (
    "confidentiality.certificate", "confidentiality.transport", "integrity.transport",
    "intrusion.tls_weaknesses",
)  # fmt: skip
COOKIE, CACHE, HEADERS = "identity.session_cookie", "residual.cache_headers", "intrusion.web_headers"
ALL = (*STRANGERS, *LOGINS, *ENDINGS, *CHANNEL, *TLS, COOKIE, CACHE, HEADERS)
ROLES = (
    "access.accounts_assigned", "access.no_overreach", "access.roles_defined", "access.rules_configured",
)  # fmt: skip
TAMPERING, SEPARATION = "integrity.tampering", "access.privilege_separation"
LOCK, FAILURE = "identity.lockout", "identity.login_failure"
INPUTS, EXPORTS = "intrusion.input_validation", "privacy.export_rights"
MASKING, NECESSARY = "privacy.masking", "privacy.necessary_fields"
AUDIT = ("audit.enabled", "audit.covers_users", "audit.record_fields")


def truth(*changes: tuple[tuple[str, ...] | str, str]) -> dict[str, str]:
    """Return verdicts: all conform but for the changes; headers never do, for none of the five sets all."""
    found = {**dict.fromkeys(ALL, C), HEADERS: P}
    for names, verdict in changes:
        found.update(dict.fromkeys((names,) if isinstance(names, str) else names, verdict))
    return found


TRUTH: Mapping[str, dict[str, str]] = {
    "wordpress": truth((CACHE, N)),
    # It has no logout address: the page's script ends the session through its WebSocket.
    # Its own TLS still takes versions 1.0 and 1.1 and renegotiations, and from this machine it takes logins
    # in clear.
    "cockpit": truth((ENDINGS, U), (CHANNEL, N), (TLS[1:], P), (CACHE, N)),
    "jupyterhub": truth((ENDINGS, N), (CACHE, N)),
    "twofactor": truth(),
    # A bearer token that no request takes back: there is no logout to declare.
    "appbuilder": truth((ENDINGS, U), (CACHE, N)),
}
# What the described functions, forms and roles show; all else that fits is open at `intrude`: nobody waits
# ten minutes, no roster is declared, and no account is locked.
DESCRIBED: Mapping[str, dict[str, str]] = {
    # The names of its users stand in their list in full. It takes attributes off markup, so that what is
    # shown of it cannot be told from its own.
    "wordpress": {**dict.fromkeys((*ROLES, TAMPERING, EXPORTS, NECESSARY), C), MASKING: N},
    # One role and one function: nothing can be compared.
    "cockpit": {TAMPERING: C, "access.rules_configured": C},
    # Its rules ask for eight characters of any kind; a name in capitals is another user. Its cookies hold no
    # trace of the password.
    "jupyterhub": {
        **dict.fromkeys((*ROLES, TAMPERING, "access.granularity", INPUTS), C),
        "identity.password_complexity": N,
        "identity.unique_accounts": P, "residual.password_change": N,
    },
    # The superuser holds all posts; a password of small letters alone is taken. Its log takes down logins,
    # not who looked at whom; the log of changes shows markup of what was deleted as an element.
    "twofactor": {
        **dict.fromkeys((*ROLES, TAMPERING, "identity.two_factor", "identity.crypto_factor"), C),
        SEPARATION: N, "identity.password_complexity": N, "residual.password_change": C, INPUTS: N,
        **dict.fromkeys((*AUDIT, NECESSARY), C), "audit.covers_events": P, "privacy.access_logged": N,
    },
    # The role Public may use nothing, so that its refusals cannot be told from a dead session. A name in
    # capitals is another user. It takes an empty name; where markup would be shown is in no interface.
    "appbuilder": {
        TAMPERING: C, "access.default_account_renamed": C, "access.least_privilege": C, SEPARATION: N,
        "identity.unique_accounts": P, MASKING: N, NECESSARY: N,
    },
}  # fmt: skip
# By hand: right password refused after 5, 3 and 5 wrong ones; never on the other two. How long a lock lasts
# takes longer than a test may wait, so that only "no lock" is decided.
LOCKING: Mapping[str, dict[str, str]] = {
    "wordpress": {LOCK: N, FAILURE: N}, "appbuilder": {LOCK: N, FAILURE: N},
    "cockpit": {LOCK: U, FAILURE: C}, "jupyterhub": {LOCK: U, FAILURE: C}, "twofactor": {LOCK: U, FAILURE: C},
}  # fmt: skip
# What nobody is authorised to do stays open: at `observe` nobody logs in, at `login` nobody tries a password.
NEEDS = {
    Level.LOGIN: (*ENDINGS, COOKIE, CACHE),
    # Every declared function and forged tokens belong to the first question, too.
    Level.INTRUDE: (*LOGINS, *TLS, "identity.login_required"),
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def sites() -> Iterator[dict[str, Site]]:
    """Start all of them side by side: most of their start is waiting."""
    with ExitStack() as stack, ThreadPoolExecutor(len(APPS)) as pool:

        def started(name: str) -> Site:
            folder = stack.enter_context(server_folder(f"dengbao-{name}-"))
            folder.chmod(0o755)
            return stack.enter_context(APPS[name](folder))

        yield dict(zip(APPS, pool.map(started, APPS), strict=True))


@pytest.fixture(params=APPS)
def site(request: pytest.FixtureRequest, sites: dict[str, Site]) -> Site:
    return sites[request.param]


def scope_of(level: Level, wait_s: float = 0.0) -> Scope:
    return Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000, wait_s=wait_s)


def see(site: Site, level: Level, **changes: object) -> Sight:
    asset = site.asset(**changes)
    only: tuple[str, ...] = PROBES
    if level is Level.INTRUDE:
        left_out = ("web.lockout", *(() if site.name in TLS_AT else TLS_PROBES))
        only = tuple(one.name for one in probes_for(asset) if one.name not in left_out)
    return look(asset, scope=scope_of(level, 1.0), only=only, engines=ENGINES)


def expected_at(site: Site, level: Level) -> dict[str, str]:
    """Return the verdicts at a level; what belongs to probes that did not run is open."""
    found = dict.fromkeys((one for one in REGISTRY.ids() if site_has(site, one)), U)
    found.update(TRUTH[site.name])
    if level.rank < Level.LOGIN.rank:
        found.update(dict.fromkeys(NEEDS[Level.LOGIN], U))
        if site.name == "appbuilder":  # without a form in sight, only a login shows where passwords go
            found.update(dict.fromkeys(CHANNEL, U))
    if level.rank < Level.INTRUDE.rank:
        found.update(dict.fromkeys(NEEDS[Level.INTRUDE], U))
        # Its page of persons is not looked at by these probes; where no page forbids storing, none is needed.
        found[CACHE] = U if site.name == "twofactor" else found[CACHE]
    else:
        found.update(DESCRIBED[site.name])
        found.update({} if site.name in TLS_AT else dict.fromkeys(TLS, U))
    return found


def site_has(site: Site, check: str) -> bool:
    return Sight(site.asset())._variant(check) is not None


@pytest.mark.parametrize("level", [Level.OBSERVE, Level.LOGIN, Level.INTRUDE])
def test_verdicts_are_those_established_by_hand(site: Site, level: Level) -> None:
    sight, expected = see(site, level), expected_at(site, level)
    weak = sight.facts.get("tls.weaknesses")
    if site.name == "cockpit" and isinstance(weak, TlsWeaknesses) and weak.client_renegotiation is None:
        expected["intrusion.tls_weaknesses"] = U  # on a slow machine not all ten renegotiations come through
    agree(f"app: {site.name} at {level.value}", sight, expected)
    assert sight.ledger.debts() == ()


def test_a_default_password_that_leads_to_a_code_is_not_refused(sites: dict[str, Site]) -> None:
    """The password is right, and the second factor hides it."""
    asset = sites["twofactor"].asset()
    asset = msgspec.structs.replace(asset, accounts=tuple(one for one in asset.accounts if one.id != "boss"))
    profile = {**PROFILE, "web_default_accounts": (f"boss:{PASSWORDS['boss']}",)}
    sight = look(asset, scope=scope_of(Level.INTRUDE), only=("web.default_accounts",), profile=profile)
    seen = sight.facts["web.default_accounts"]
    assert isinstance(seen, WebDefaultAccounts)
    assert [one.attempt.code_asked for one in seen.tries if one.attempt is not None] == [True]
    assert sight.verdicts(["access.default_password"]) == {"access.default_password": U}


# What a person adds to the draft, or writes instead of what it says: what strangers do not see.
ADDED: Mapping[str, set[str]] = {
    "wordpress": {"login.failure", "logout", "protected", "public", "app"},
    "cockpit": {"login.success", "login.failure", "protected", "public", "app"},
    "jupyterhub": {"login.failure", "logout", "protected", "app"},
    "twofactor": {"login.failure", "logout", "logout_method", "protected", "app"},
    # The interface's own login is in no page: the form that was found is for people.
    "appbuilder": {
        "login.style", "login.path", "login.page", "login.csrf_field", "login.fields", "login.token_json_key",
        "login.success", "login.failure", "protected", "app",
    },
}  # fmt: skip
# What every engagement says in its own words.
OWN = {"id", "name", "url", "ca_file", "accounts", "login.account", "importance"}


def told(asset: WebAsset) -> dict[str, object]:
    """Return what an asset says, the login's parts each by itself."""
    whole: dict[str, object] = msgspec.to_builtins(asset)
    login = whole.pop("login") or {}
    assert isinstance(login, dict)
    return {**whole, **{f"login.{key}": value for key, value in login.items()}}


@pytest.mark.parametrize("name", APPS)
def test_the_description_is_what_discover_drafts_and_what_a_person_adds(
    name: str, sites: dict[str, Site]
) -> None:
    found = told(read_back(discover(Wish(sites[name].url, browser=name == "cockpit"))))
    written = told(sites[name].asset())
    differs = {key for key in written if written[key] != found.get(key)} - OWN
    assert differs <= ADDED[name]


def killed_when(folder: Path, site: Site, item: str, changed: Callable[[], bool]) -> None:
    """Run until the application's own data are changed, and kill the run."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dengbao", "run", str(folder), "--item", item],
        env=environment(**variables()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 90
        while not changed():
            assert process.poll() is None, f"{site.name}: ended without a change"
            assert time.monotonic() < until, f"{site.name}: nothing was changed"
            time.sleep(0.002)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def engaged(site: Site, folder: Path, level: str = "intrude") -> Path:
    """Write an engagement with one application as its only asset."""
    folder.mkdir()
    head = HEAD.replace("level: intrude", f"level: {level}\n  connections_per_s: 1000")
    (folder / "engagement.yaml").write_text(
        head.rstrip().removesuffix("assets:")
        + yaml.safe_dump({"assets": [msgspec.to_builtins(site.asset())]}, allow_unicode=True),
        encoding="utf-8",
    )
    return folder


def asked(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as connection:
        return connection.execute(query).fetchall()


PASSWORD_OF = "select password from {} where username = '{}'"
CHANGES: Mapping[str, tuple[str, str, str, str]] = {
    "twofactor": ("1.a.4", "db.sqlite3", PASSWORD_OF.format("auth_user", "doctor"), "doctor"),
    "jupyterhub": ("1.a.4", "hub.sqlite", PASSWORD_OF.format("users_info", "nurse"), "nurse"),
    "jupyterhub user": ("1.a.2", "hub.sqlite", "select name from users where name like 'dbjc%'", ""),
}


@pytest.mark.parametrize("case", CHANGES)
def test_killed_in_the_middle_all_is_as_before(case: str, sites: dict[str, Site], tmp_path: Path) -> None:
    item, database, query, account = CHANGES[case]
    site = sites[case.partition(" ")[0]]
    folder = engaged(site, tmp_path / "e")
    before = asked(site.folder / database, query)
    killed_when(folder, site, item, lambda: asked(site.folder / database, query) != before)
    assert owed_in(folder)
    done = dengbao("run", folder, "--item", item, env=environment(**variables()))
    assert done.returncode in (0, 3), done.stderr
    assert owed_in(folder) == ()
    if account:
        assert accepted(site, account)
    else:
        assert asked(site.folder / database, query) == []


def accepted(site: Site, account: str) -> bool:
    asset = site.asset()
    assert asset.login is not None
    login = msgspec.structs.replace(asset.login, account=account)
    asset = msgspec.structs.replace(asset, login=login)
    sight = look(asset, scope=scope_of(Level.LOGIN), only=("web.session",))
    session = sight.facts.get("web.session")
    assert isinstance(session, WebSession), f"{account}: {sight.missing}"
    return session.login.accepted is True


def locking(site: Site) -> Sight:
    only = ("web.failures", "web.lockout")
    return look(site.asset(), scope=scope_of(Level.DISRUPT, 1.0), only=only)


def test_nobody_but_the_sacrificial_account_is_ever_locked(site: Site) -> None:
    """It comes last: all that was done before counts, too."""
    assert locking(site).verdicts(LOCKING[site.name]) == LOCKING[site.name]
    people: tuple[Account, ...] = site.asset().accounts
    assert [one.id for one in people if not one.sacrificial and not accepted(site, one.id)] == []


@pytest.mark.parametrize("name", APPS)
def test_a_page_of_yaml_describes_an_application(name: str) -> None:
    asset = read_back(page(name))
    assert asset.app is not None
    assert [one.id for one in asset.accounts if one.sacrificial] == ["victim"]
