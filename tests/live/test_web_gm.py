"""Web applications behind nothing but 国密: recognised, never taken for one without encryption."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.engines import find_engines
from dengbao.errors import Reason
from dengbao.model import Level, Scope, WebAsset
from dengbao.probes.tls.facts import TlsVersions

from ..servers import gm
from .harness import REGISTRY, look

SCOPE = Scope(
    level=Level.DISRUPT, addresses=("127.0.0.0/8",), connections_per_s=20_000, connections_at_once=8
)
SAYS = {"tlcp": "应答国密 TLCP 握手（套件 ECC_SM4_GCM_SM3）", "sm_tls": "仅应答国密 TLS 1.3 套件"}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gm.mint_sm(tmp_path_factory.mktemp("sm"))


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("mode", ["tlcp", "sm_tls"])
def test_a_web_application_behind_gm_alone_is_not_taken_for_clear_text(
    certificates: Path, mode: str, scheme: str
) -> None:
    """Every question stays open, also where the address was declared with the wrong scheme."""
    with gm.peer(mode, certificates) as port:
        asset = WebAsset(id="web", name="HIS", url=f"{scheme}://127.0.0.1:{port}/login")
        sight = look(asset, scope=SCOPE, engines=find_engines())
    got = sight.verdicts()
    assert set(got.values()) == {"undetermined"}
    assert {"confidentiality.transport", "confidentiality.cleartext_login", "integrity.transport"} <= set(got)
    assert set(got) <= set(REGISTRY.ids())
    facts = sight.facts["tls.versions"]
    assert isinstance(facts, TlsVersions)
    assert (facts.spoken, facts.scheme) == (mode, scheme)
    for check in ("confidentiality.transport", "integrity.transport"):
        assert SAYS[mode] in sight.judge(check).statement
    page = sight.missing["web.login_page"]
    assert page.reason is Reason.PROTOCOL
    assert "不是 TLS" not in page.message
    assert scheme == "http" or "国密 TLCP" in page.message
