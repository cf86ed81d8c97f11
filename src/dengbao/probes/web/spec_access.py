"""Probes of who may do what in an application; each applies only where the application is described."""

from __future__ import annotations

from typing import Final

from ...model import Asset, Level, WebAsset
from ..base import ProbeSpec
from .facts_access import WebMatrix, WebUsers
from .facts_closing import WebClosing
from .facts_trail import WebLogTampering, WebTrail


def _has_functions(asset: Asset) -> bool:
    return isinstance(asset, WebAsset) and asset.app is not None and bool(asset.app.functions)


def _has_log(asset: Asset) -> bool:
    app = asset.app if isinstance(asset, WebAsset) else None
    return app is not None and any(one.path or one.table for one in app.logs)


def _has_users(asset: Asset) -> bool:
    app = asset.app if isinstance(asset, WebAsset) else None
    return app is not None and app.users is not None and bool(app.users.list_path or app.users.table)


def _disables_users(asset: Asset) -> bool:
    app = asset.app if isinstance(asset, WebAsset) else None
    return app is not None and app.users is not None and app.users.disable is not None


SPECS: Final[tuple[ProbeSpec, ...]] = (
    ProbeSpec(
        name="web.matrix",
        title="以各角色账户逐一请求登记的功能",
        facts=(WebMatrix,),
        level=Level.INTRUDE,
        clause="2.e.3",
        applies=_has_functions,
        run="dengbao.probes.web.matrix:probe",
        undo="dengbao.probes.web.changing:undo",
        timeout_s=900.0,
    ),
    ProbeSpec(
        name="web.trail",
        title="做几件应予审计的事，到审计记录中查找，并试删、试改自己的记录",
        facts=(WebTrail, WebLogTampering),
        level=Level.INTRUDE,
        clause="3.a.3",
        applies=_has_log,
        run="dengbao.probes.web.trail:probe",
        undo="dengbao.probes.web.user_deeds:undo",
        timeout_s=900.0,
    ),
    ProbeSpec(
        name="web.users",
        title="读取应用的用户列表",
        facts=(WebUsers,),
        level=Level.LOGIN,
        applies=_has_users,
        run="dengbao.probes.web.userlist:probe",
        timeout_s=480.0,
    ),
    ProbeSpec(
        name="web.closing",
        title="停用、删除测试用户后以其登录",
        facts=(WebClosing,),
        level=Level.INTRUDE,
        clause="2.c.2",
        applies=_disables_users,
        run="dengbao.probes.web.closing:probe",
        undo="dengbao.probes.web.closing:undo",
        timeout_s=1800.0,
    ),
)
