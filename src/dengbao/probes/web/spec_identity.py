"""Probes of how an application identifies its users; each applies where the application is described."""

from __future__ import annotations

from ...model import Application, Asset, Level, WebAsset
from ..base import ProbeSpec
from .facts_identity import (
    WebFailures,
    WebForged,
    WebIdle,
    WebLockout,
    WebPasswordChange,
    WebReach,
    WebSecondFactor,
    WebUniqueness,
)


def _app(asset: Asset) -> Application | None:
    return asset.app if isinstance(asset, WebAsset) else None


def _described(asset: Asset) -> bool:
    return _app(asset) is not None


def _reachable(asset: Asset) -> bool:
    app = _app(asset)
    return app is not None and bool(app.functions or app.patients or app.exports)


def _changes_passwords(asset: Asset) -> bool:
    app = _app(asset)
    return app is not None and app.password_change is not None


def _manages_users(asset: Asset) -> bool:
    app = _app(asset)
    return app is not None and app.users is not None and app.users.create is not None


def _has_second_factor(asset: Asset) -> bool:
    app = _app(asset)
    return app is not None and app.second_factor is not None


# Those that log in wait for each other (see `login.turn`), so their bounds add up; two sleep besides.
SPECS: tuple[ProbeSpec, ...] = (
    ProbeSpec(
        name="web.reach",
        title="不登录访问登记的功能、患者信息页面和导出",
        facts=(WebReach,),
        level=Level.LOGIN,
        clause="1.a.1",
        applies=_reachable,
        run="dengbao.probes.web.reach:probe",
        timeout_s=1800.0,
    ),
    ProbeSpec(
        name="web.forged",
        title="以伪造的会话凭据访问受保护页面",
        facts=(WebForged,),
        level=Level.INTRUDE,
        clause="1.a.1",
        applies=_described,
        run="dengbao.probes.web.reach:forged",
        timeout_s=1800.0,
    ),
    ProbeSpec(
        name="web.second_factor",
        title="查看是否要求第二因素、能否绕过",
        facts=(WebSecondFactor,),
        level=Level.INTRUDE,
        clause="1.d.1",
        applies=_has_second_factor,
        run="dengbao.probes.web.factor:probe",
        timeout_s=1800.0,
    ),
    ProbeSpec(
        name="web.uniqueness",
        title="新建同名用户，验证用户标识唯一",
        facts=(WebUniqueness,),
        level=Level.INTRUDE,
        clause="1.a.2",
        applies=_manages_users,
        run="dengbao.probes.web.users:probe",
        undo="dengbao.probes.web.users:undo",
        timeout_s=1800.0,
    ),
    ProbeSpec(
        name="web.password_change",
        title="修改测试账户口令并改回，验证复杂度要求",
        facts=(WebPasswordChange,),
        level=Level.INTRUDE,
        clause="1.a.4",
        applies=_changes_passwords,
        run="dengbao.probes.web.password:probe",
        undo="dengbao.probes.web.password:undo",
        timeout_s=2400.0,
    ),
    ProbeSpec(
        name="web.idle",
        title="静置会话，测量空闲超时",
        facts=(WebIdle,),
        level=Level.LOGIN,
        clause="1.b.3",
        applies=_described,
        run="dengbao.probes.web.idle:probe",
        timeout_s=6000.0,
    ),
    # The next one goes on from where this one ends.
    ProbeSpec(
        name="web.failures",
        title="比较账户不存在与口令错误时的应答",
        facts=(WebFailures,),
        level=Level.INTRUDE,
        clause="1.b.1",
        applies=_described,
        run="dengbao.probes.web.lockout:failures",
        timeout_s=1800.0,
    ),
    # Last, because an application may refuse the address and not the account.
    ProbeSpec(
        name="web.lockout",
        title="以可锁定的测试账户验证登录失败锁定",
        facts=(WebLockout,),
        level=Level.DISRUPT,
        clause="1.b.2",
        applies=_described,
        run="dengbao.probes.web.lockout:lockout",
        timeout_s=6000.0,
    ),
)
