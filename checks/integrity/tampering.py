"""6.a.2: is it noticed when what is sent is altered on the way, and does it go on rightly afterwards?"""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement, kind_of
from dengbao.probes.web.facts_tampering import ChannelTry, MessageSeen, MessageTry, WebMessages, WebTampering

from ..wording import listing

_REMAINDER = (
    "其他传输路径（与医保平台等外部接口、程序间调用）的报文被篡改能否发现，以及审计、配置数据传输的篡改测试，"
    "须人工补充"
)
_ENDED = {
    "answered": "照常应答", "alert": "以 TLS 告警中止连接", "closed": "中止连接", "silent": "未应答",
    "failed": "未能建立连接",
}  # fmt: skip
_WAYS = {
    "altered": "改动字段", "unsigned": "去掉签名", "wrong_key": "以别的密钥签名", "replayed": "原样重放",
    "stale": "时间戳过期",
}  # fmt: skip


@check("integrity.tampering", half=_REMAINDER)
def altered_transmission_is_noticed(channel: WebTampering, messages: WebMessages | None) -> Judgement:
    """Judge by a record of ours that was altered on its way, and by signed messages sent altered.

    Over clear text nothing can notice but a signature of the message itself: without a declared one the
    facts do not decide.

    Source: GB/T 22239-2019 8.1.4.7 a); GB/T 28448-2019 L3-CES1-25.
    """
    signed = [one for one in messages.messages if one.signed] if messages is not None else []
    if channel.scheme == "http" and not signed:
        raise Undetermined(
            f"{channel.address} 以明文 HTTP 传输，通道本身不能发现篡改；是否有报文签名未登记，"
            "须在 app.messages 登记业务报文或人工测试",
        )
    criteria = [*_channel(channel), *(one for each in signed for one in _message(each))]
    return Judgement(
        criteria=tuple(criteria),
        statement=f"经测试验证，{'；'.join([_said(channel), *map(_told, signed)])}。",
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
        proofs=tuple(_proofs(channel, signed)),
    )


def _channel(channel: WebTampering) -> Iterator[Criterion]:
    fact = kind_of(WebTampering)
    if channel.scheme == "http":
        yield Criterion(
            name="channel_notices", question="传输通道能否发现篡改", met=False,
            measured="明文 HTTP，通道不校验", fact=fact,
        )  # fmt: skip
        return
    altered = next((one for one in channel.tries if one.altered), None)
    yield Criterion(
        name="channel_notices", question="加密记录被改动一位，服务端能否发现", met=channel.noticed,
        measured=_ended(altered), fact=fact, decisive=True,
    )  # fmt: skip
    yield Criterion(
        name="recovers", question="其后重新发送能否正常应答", met=True if channel.control else None,
        measured=_ended(channel.tries[-1] if channel.tries else None), fact=fact,
    )  # fmt: skip


def _ended(one: ChannelTry | None) -> str:
    if one is None:
        return "未测"
    return _ENDED[one.ended] + (f"（{one.status or one.alert}）" if one.status or one.alert else "")


def _message(seen: MessageSeen) -> Iterator[Criterion]:
    """Yield a criterion for each way that a declared protection must refuse."""
    ways = ["altered", "unsigned", "wrong_key"]
    # Only a message that declares its time or number claims to be fresh.
    ways += ["replayed"] if seen.once else []
    ways += ["stale"] if seen.timed else []
    for way in ways:
        tries = seen.of(way)
        met = _refused(tries) if tries and seen.control else None
        yield Criterion(
            name=f"{way}_{seen.id}", question=f"报文“{seen.name}”{_WAYS[way]}后是否被拒绝", met=met,
            measured=_measured(tries), fact=kind_of(WebMessages),
        )  # fmt: skip


def _refused(tries: tuple[MessageTry, ...]) -> bool | None:
    if any(one.accepted for one in tries):
        return False
    return None if any(one.accepted is None for one in tries) else True


def _measured(tries: tuple[MessageTry, ...]) -> str:
    if not tries:
        return "未发送"
    taken = [one for one in tries if one.accepted]
    refused = sum(one.accepted is False for one in tries)
    unclear = len(tries) - len(taken) - refused
    parts = [f"拒绝 {refused} 次"] if refused else []
    if taken:
        names = listing(one.field for one in taken if one.field)
        parts.append(f"接受 {len(taken)} 次" + (f"（{names}）" if names else ""))
    return "，".join(parts + ([f"看不出 {unclear} 次"] if unclear else []))


def _said(channel: WebTampering) -> str:
    if channel.scheme == "http":
        return f"{channel.address} 以明文 HTTP 传输，通道不能发现篡改"
    altered = next((one for one in channel.tries if one.altered), None)
    plain = [one for one in channel.tries if not one.altered]
    last = _ended(plain[-1] if plain else None)
    return (
        f"对 {channel.address} 发送“{channel.request}”，途中将加密记录翻转一位，服务端{_ended(altered)}；"
        f"其后原样重新发送，{last}"
    )


def _told(seen: MessageSeen) -> str:
    if seen.blind:
        return (
            f"报文“{seen.name}”（{seen.request}）残缺的报文也显示被接受，登记的标志不能区分成败，未据以认定"
        )
    if not seen.control:
        return f"报文“{seen.name}”（{seen.request}）原样发送未被接受，其余方式的结果不足为凭"
    ways = [f"{_WAYS[way]}：{_measured(seen.of(way))}" for way in _WAYS if seen.of(way)]
    return f"报文“{seen.name}”（{seen.request}）原样发送被接受；{'；'.join(ways)}"


def _proofs(channel: WebTampering, signed: list[MessageSeen]) -> Iterator[Exchange]:
    if channel.scheme == "http":
        at = channel.tries[0].at if channel.tries else None
        yield Exchange(request=f"{channel.request}（明文 HTTP）", answer="明文应答，通道不校验", at=at)
    for one in channel.tries:
        if one.altered and one.ended == "answered":
            yield Exchange(request=f"{channel.request}（加密记录翻转一位）", answer=_ended(one), at=one.at)
    for seen in signed:
        for each in seen.tries:
            if each.accepted and each.way in _WAYS and seen.control:
                told = _WAYS[each.way] + (f"“{each.field}”" if each.field else "")
                request = f"{seen.request}（{told}）"
                yield Exchange(request=request, answer=f"{each.status}，接受", at=each.at, role=seen.role)
