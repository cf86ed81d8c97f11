"""Sources of administration are declared as addresses, and a slip is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao.catalog import load_engagement
from dengbao.errors import UsageError
from dengbao.model import HostAsset
from dengbao.probes.registry import probes_for
from tests.builders import ENGAGEMENT, write_engagement

MARK = '    allowed_ports: [{ports: "22", purpose: 运维}]\n'


def host(tmp_path: Path, lines: str) -> HostAsset:
    text = ENGAGEMENT.replace(MARK, MARK + lines)
    asset = load_engagement(write_engagement(tmp_path / "hospital", text)).asset("his-app")
    assert isinstance(asset, HostAsset)
    return asset


GOOD = '    admin_sources: [10.0.9.0/24, 10.0.7.1]\n    try_sources: [10.0.9.5]\n    admin_ports: "3389"\n'


def test_sources_are_tried_where_they_are_declared(tmp_path: Path) -> None:
    asset = host(tmp_path, GOOD)
    assert asset.admin_sources == ("10.0.9.0/24", "10.0.7.1")
    assert "services.reach" in {spec.name for spec in probes_for(asset)}


def test_without_sources_the_probe_is_not_planned(tmp_path: Path) -> None:
    asset = host(tmp_path, "    admin_sources: [10.0.9.0/24]\n")
    assert "services.reach" not in {spec.name for spec in probes_for(asset)}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("    admin_sources: [bastion]\n    try_sources: [10.0.9.5]\n", "不是地址"),
        ("    admin_sources: [10.0.9.0/24]\n    try_sources: [10.0.9.0/24]\n", "不是地址"),
        ("    try_sources: [10.0.9.5]\n", "缺少 admin_sources"),
        ('    admin_ports: "70000"\n', "端口"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, lines: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        host(tmp_path, lines)
    assert says in str(caught.value)
