"""The toolkit sees what each state of the demo is there to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.catalog import load_engagement, with_paths
from dengbao.demo import engagement
from dengbao.engines import find_engines
from tests.live.harness import agree, look

from .conftest import PASSWORD, Hospital

BEFORE = {
    "his-web": {
        "access.anonymous_disabled": "nonconform",
        "access.default_password": "nonconform",
        "confidentiality.certificate": "conform",
        "confidentiality.cleartext_login": "nonconform",
        "confidentiality.transport": "nonconform",
        "identity.empty_password": "nonconform",
        "identity.login_required": "nonconform",
        "identity.logout_ends_session": "nonconform",
        "identity.remote_admin_encrypted": "nonconform",
        "identity.session_cookie": "nonconform",
        "integrity.transport": "nonconform",
        "intrusion.tls_weaknesses": "nonconform",
        "intrusion.web_headers": "partial",
        "privacy.restricted_access": "nonconform",
        "residual.cache_headers": "nonconform",
        "residual.session": "nonconform",
    },
}
AFTER = {"his-web": dict.fromkeys(BEFORE["his-web"], "conform")}


@pytest.mark.slow
@pytest.mark.parametrize("asset_id", sorted(BEFORE))
@pytest.mark.parametrize("state", ["before", "after"])
def test_state_is_judged_as_it_was_built(
    state: str, asset_id: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital: Hospital = request.getfixturevalue(state)
    monkeypatch.setenv("DENGBAO_DEMO_PASSWORD", PASSWORD)
    engagement.write(tmp_path, port=hospital.running.port)
    engagement.hospital_of(tmp_path).symlink_to(hospital.places.folder)
    found = with_paths(load_engagement(tmp_path), tmp_path)
    asset = found.asset(asset_id)
    assert asset is not None
    sight = look(asset, scope=found.scope, engines=find_engines(), folder=tmp_path)
    expected = BEFORE if state == "before" else AFTER
    agree(f"demo-{state}-{asset_id}", sight, expected[asset_id])
    assert not any("127.0.0.66" in one.address for one in sight.contacts if one.admitted)
