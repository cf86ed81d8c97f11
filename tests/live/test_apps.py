"""Applications that others wrote: every verdict was established by hand before the first run.

What was done by hand, and what came back, stands in docs/reference/third-party-apps.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import msgspec
import pytest

from dengbao.engines import find_engines
from dengbao.model import Level, Scope
from dengbao.probes.tls.facts import TlsWeaknesses
from dengbao.probes.web.facts import WebSession

from ..discovery.reading import read_back
from ..servers.apps.appbuilder import appbuilder
from ..servers.apps.cockpit import cockpit
from ..servers.apps.jupyterhub import jupyterhub
from ..servers.apps.site import Site, page, variables
from ..servers.apps.twofactor import twofactor
from ..servers.apps.wordpress import wordpress
from ..servers.postgres import server_folder
from .harness import REGISTRY, Sight, agree, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
APPS: Mapping[str, Callable[[Path], AbstractContextManager[Site]]] = {
    "wordpress": wordpress, "cockpit": cockpit, "jupyterhub": jupyterhub, "twofactor": twofactor,
    "appbuilder": appbuilder,
}  # fmt: skip
PROBES = ("web.anonymous", "web.session", "web.empty_password", "web.default_accounts")
# Once is enough for TLS: it does not depend on who is logged in.
INTRUSIVE = ("web.reach", "web.forged", "tls.web", "tls.weaknesses")
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


@pytest.fixture(scope="module", params=APPS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    name: str = request.param
    with ExitStack() as stack:
        folder = stack.enter_context(server_folder(f"dengbao-{name}-"))
        folder.chmod(0o755)
        yield stack.enter_context(APPS[name](folder))


def see(site: Site, level: Level, **changes: object) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000)
    only = PROBES + (INTRUSIVE if level is Level.INTRUDE else ())
    return look(site.asset(**changes), scope=scope, only=only, engines=ENGINES)


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


def test_no_account_is_locked_afterwards(site: Site) -> None:
    """Each but the sacrificial one still logs in with its own password."""
    asset = site.asset()
    assert asset.login is not None
    scope = Scope(level=Level.LOGIN, addresses=("127.0.0.0/8",), connections_per_s=2000)
    for account in asset.accounts:
        if account.sacrificial:
            continue
        login = msgspec.structs.replace(asset.login, account=account.id)
        sight = look(msgspec.structs.replace(asset, login=login), scope=scope, only=("web.session",))
        session = sight.facts.get("web.session")
        assert isinstance(session, WebSession), f"{account.id}: {sight.missing}"
        assert session.login.accepted, account.id


@pytest.mark.parametrize("name", APPS)
def test_a_page_of_yaml_describes_an_application(name: str) -> None:
    asset = read_back(page(name))
    assert asset.app is not None
    assert [one.id for one in asset.accounts if one.sacrificial] == ["victim"]
