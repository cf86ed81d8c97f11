"""Which probes there are of kind web."""

from __future__ import annotations

from ...model import Asset, Kind, Level
from ..base import ProbeSpec
from .facts import (
    WebDefaultAccounts,
    WebEmptyPassword,
    WebHeaders,
    WebLoginPage,
    WebLogout,
    WebPages,
    WebPlain,
    WebSession,
)
from .facts_sent import WebPasswordSent
from .spec_access import SPECS as ACCESS
from .spec_identity import SPECS as IDENTITY
from .spec_inputs import SPECS as INPUTS
from .spec_persons import SPECS as PERSONS
from .spec_tampering import SPECS as TAMPERING


def _is_web(asset: Asset) -> bool:
    return asset.kind is Kind.WEB


# The three that log in wait for each other (see `login.turn`), so their bounds add up.
SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="web.anonymous",
        title="查看未登录时的页面、登录页与安全响应头",
        facts=(WebPages, WebLoginPage, WebHeaders, WebPlain),
        level=Level.OBSERVE,
        applies=_is_web,
        run="dengbao.probes.web.anonymous:probe",
        timeout_s=180.0,
    ),
    ProbeSpec(
        name="web.session",
        title="以登记账户登录，查看会话与退出",
        facts=(WebSession, WebLogout, WebPasswordSent),
        level=Level.LOGIN,
        applies=_is_web,
        run="dengbao.probes.web.session:probe",
        timeout_s=480.0,
    ),
    ProbeSpec(
        name="web.empty_password",
        title="以空口令尝试登录一次",
        facts=(WebEmptyPassword,),
        level=Level.INTRUDE,
        clause="1.a.3",
        applies=_is_web,
        run="dengbao.probes.web.attempts:empty_password",
        timeout_s=480.0,
    ),
    ProbeSpec(
        name="web.default_accounts",
        title="以常见默认账户各尝试登录一次",
        facts=(WebDefaultAccounts,),
        level=Level.INTRUDE,
        clause="2.b.2",
        applies=_is_web,
        run="dengbao.probes.web.attempts:default_accounts",
        timeout_s=480.0,
    ),
    *PERSONS,
    *TAMPERING,
    *INPUTS,
    *IDENTITY,
    *ACCESS,
)
