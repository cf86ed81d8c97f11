"""Which probes alter what the toolkit itself sends."""

from __future__ import annotations

from ...model import Asset, Level, WebAsset
from ..base import ProbeSpec
from .facts_tampering import WebMessages, WebTampering


def _has_messages(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.messages)


SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="web.tampering",
        title="在传输途中篡改自己的一条加密记录",
        facts=(WebTampering,),
        level=Level.INTRUDE,
        applies=lambda asset: isinstance(asset, WebAsset),
        run="dengbao.probes.web.tampering:probe",
        timeout_s=60.0,
        clause="6.a.2",
    ),
    ProbeSpec(
        name="web.messages",
        title="篡改、重放自己的业务报文",
        facts=(WebMessages,),
        level=Level.INTRUDE,
        applies=_has_messages,
        run="dengbao.probes.web.messages:probe",
        timeout_s=300.0,
        clause="6.a.2",
        undo="dengbao.probes.web.messages:undo",
    ),
)
