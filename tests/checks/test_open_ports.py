"""A device that answers for the whole host opens no port of it; too many ports for a scenario file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao import checking
from dengbao.judging import Outcome, apply
from dengbao.model import Facts, HostAsset, ParamValue, PortRule, Verdict
from dengbao.probes.host.system_facts import HostListening, Listener
from dengbao.probes.ports.facts import OpenPort, PortsOpen

(CHECK,) = checking.load(Path(__file__).parents[2] / "checks").of("intrusion.open_ports")


def judged(open_count: int, listening: tuple[int, ...] | None) -> Outcome:
    allowed = (PortRule(ports="22", purpose="运维"),)
    asset = HostAsset(id="app", name="应用服务器", address="10.0.0.5:22", allowed_ports=allowed)
    facts: dict[str, Facts] = {
        "ports.open": PortsOpen(
            address="10.0.0.5", vantage="remote", asked="1-65535", refused="",
            open=tuple(OpenPort(port=one) for one in range(1, open_count + 1)),
            closed_count=65535 - open_count, filtered="", failed="", unscanned="", seconds=1.0,
        )
    }  # fmt: skip
    if listening is not None:
        facts["host.listening"] = HostListening(
            listeners=tuple(Listener(protocol="tcp", address="0.0.0.0", port=one) for one in listening)
        )
    params: dict[str, ParamValue] = {"high_risk_ports": ("23", "445")}
    return apply(CHECK, asset=asset, facts=facts, missing={}, params=params)


@pytest.mark.parametrize(
    ("open_count", "listening", "verdict"),
    [
        (65535, None, None),
        (65535, (22,), None),
        (65535, (22, 23), Verdict.NONCONFORM),
        (1001, None, None),
        (1000, None, Verdict.NONCONFORM),
    ],
)
def test_a_device_that_takes_every_connection_proves_nothing(
    open_count: int, listening: tuple[int, ...] | None, verdict: Verdict | None
) -> None:
    outcome = judged(open_count, listening)
    assert outcome.verdict is verdict
    assert ("疑为途中设备代答" in outcome.statement) is (open_count > 1000)
