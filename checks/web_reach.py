"""What everything an application describes answers to strangers and to forged credentials: 1.a.1."""

from __future__ import annotations

from typing import Final

from dengbao.model import Criterion, Exchange, WebAsset
from dengbao.probes.web.facts import UNLIKE_PERCENT, Replay, SessionPage
from dengbao.probes.web.facts_identity import ReachSeen, WebForged, WebReach

from .web_pages import kept_out, told

REACH: Final = "web.reach"
FORGED: Final = "web.forged"
# What interfaces answer to a credential they cannot read; 403, 404, 406 and 429 are a firewall's, too.
_UNREADABLE: Final = frozenset({400, 401, 422})
_HOW: Final = {
    "garbage": "随意编造的会话凭据", "altered": "改动一个字符的会话凭据", "payload": "改动载荷的令牌",
    "none": "声明不签名（alg none）的令牌", "unsigned": "去掉签名的令牌",
}  # fmt: skip


def described(asset: WebAsset) -> int:
    """Return how many functions, pages of persons and exports the application declares."""
    app = asset.app
    return 0 if app is None else len(app.functions) + len(app.patients) + len(app.exports)


def places(asset: WebAsset, reach: WebReach | None) -> tuple[Criterion, ...]:
    """Return a decisive criterion for everything described that was asked for, one open where none was."""
    count = described(asset)
    if reach is None:
        seen = f"登记的功能、患者信息页面和导出 {count} 处未测"
        open_one = Criterion(
            name="described", question="登记的功能、接口是否均须登录", met=None, measured=seen, fact=REACH,
            decisive=True,
        )  # fmt: skip
        return (open_one,) if count else ()
    return tuple(
        _place(number, one, one.page) for number, one in enumerate(reach.places) if one.page is not None
    )


def _place(number: int, one: ReachSeen, pair: SessionPage) -> Criterion:
    met = kept_out(pair.before, pair if one.seen_as else None)
    if met is None and one.shows_during and one.shows_before is False and pair.before.answered:
        met = None if pair.before.failing else True
    answer = told(pair.before, pair if one.seen_as else None)
    if met is True and one.shows_before and one.shows_during:
        met = None
        answer += "，但其中已有登记的标志（shows），须换为只在登录后出现的内容"
    return Criterion(
        name=f"place:{number}:{one.path}",
        question=f"未登录时{one.name}（{one.method} {one.path}）是否不可访问",
        met=met,
        measured=f"{one.name}（{one.method} {one.path}）{answer}",
        fact=REACH,
        decisive=True,
    )


def not_sent(reach: WebReach | None) -> str:
    """Return in Chinese what was not asked for, empty if there is none."""
    names = [one.name for one in reach.places if one.skipped] if reach is not None else []
    return f"；{'、'.join(names[:6])}等 {len(names)} 处须提交数据或超出数量，未测" if names else ""


def forgeries(forged: WebForged | None) -> tuple[Criterion, ...]:
    """Return a decisive criterion for each forged credential; refusals count while the true one works."""
    if forged is None:
        return ()
    return tuple(_forgery(forged, one) for one in forged.tries)


def _forgery(forged: WebForged, one: Replay) -> Criterion:
    refused = one.ended
    if refused is None and _turned_down(one):
        refused = True
    if refused and forged.intact_after is not True:
        refused = None
    state = {True: "被拒绝", False: "仍可访问", None: "应答不足以判断"}[refused]
    status = f"返回 {one.after.status}" if one.after.answered else f"无应答（{one.after.problem}）"
    return Criterion(
        name=f"forged:{one.by}",
        question=f"{_HOW[one.by]}是否被拒绝",
        met=refused,
        measured=f"以{_HOW[one.by]}访问 {forged.path} {status}，{state}",
        fact=FORGED,
        decisive=True,
    )


def _turned_down(one: Replay) -> bool:
    """Tell whether an interface that refuses strangers calls a forged credential unreadable.

    Both answers are JSON, so the application's own voice and not that of a firewall before it, and the
    answer has nothing of what the true credential was shown.
    """
    after, stranger = one.after, one.stranger
    unlike = one.like_before_percent is not None and one.like_before_percent < UNLIKE_PERCENT
    kept_from_strangers = stranger.json and stranger.login_demanded is True
    plain = after.json and not after.moved and after.json_error is not False
    right = one.before.json and one.before.reached is True
    return bool(after.final_status in _UNREADABLE and plain and right and kept_from_strangers and unlike)


def summary(asset: WebAsset, criteria: tuple[Criterion, ...], reach: WebReach | None) -> str:
    """Return in Chinese what was asked for besides the protected pages and what came back."""
    if not described(asset):
        return ""
    own = [one for one in criteria if one.fact == REACH]
    open_ones = [one.measured for one in own if one.met is False]
    unclear = [one.measured for one in own if one.met is None]
    if reach is None:
        return f"；{own[0].measured}"
    text = f"；未登录访问登记的功能、患者信息页面和导出 {len(own)} 处"
    text += f"，其中未登录即可访问：{'；'.join(open_ones[:6])}" if open_ones else "，均未直接显示内容"
    text += f"，{len(unclear)} 处无法判断：{'；'.join(unclear[:3])}" if unclear else ""
    return text + not_sent(reach)


def forged_summary(asset: WebAsset, forged: WebForged | None, criteria: tuple[Criterion, ...]) -> str:
    """Return in Chinese which forged credentials were tried and what came back."""
    if asset.app is None:
        return ""
    if forged is None:
        return "；伪造凭据未测"
    after = "" if forged.intact_after else "；其后原会话未能访问，未据以认定拒绝"
    carrier = {"cookie": "Cookie", "bearer": "令牌"}.get(forged.carrier, "凭据")
    kind = f"{carrier}（{'JWT' if forged.format == 'jwt' else '不透明值'}）"
    return f"；会话由{kind}承载，{'；'.join(one.measured for one in criteria)}{after}"


def proofs(reach: WebReach | None, criteria: tuple[Criterion, ...]) -> tuple[Exchange, ...]:
    """Return the requests by which an open place can be seen again."""
    found = {one.name: one for one in criteria if one.met is False and one.fact == REACH}
    return tuple(
        Exchange(request=f"{one.method} {one.path}", answer=found[name].measured)
        for number, one in enumerate(reach.places if reach is not None else ())
        if (name := f"place:{number}:{one.path}") in found
    )
