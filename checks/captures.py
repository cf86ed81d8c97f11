"""Criteria on the declared flows of captured traffic that several questions share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta, timezone
from typing import Final

from dengbao.capture.findings import Channel, Kind, Speech
from dengbao.checking import Params
from dengbao.errors import Undetermined
from dengbao.model import Criterion, kind_of
from dengbao.probes.capture.facts import CaptureAdmin, CaptureFlows, Recording, SeenFlow, SeenThing, SeenWay

from .channels import is_plain, is_weak
from .wording import listing

Seen = CaptureFlows | CaptureAdmin
_SLACK: Final = timedelta(days=1)  # clocks of two machines
_BEIJING: Final = timezone(timedelta(hours=8))
_SHOWN: Final = 4
_FEW: Final = 2
# Protocols that have no encryption of their own in their messages: seen in clear, they are clear.
_PLAIN: Final = frozenset((
    Speech.MYSQL, Speech.POSTGRESQL, Speech.REDIS, Speech.TELNET, Speech.MAIL_OR_FTP, Speech.DICOM,
    Speech.HL7, Speech.SYSLOG, Speech.LDAP, Speech.TDS, Speech.SNMP,
))  # fmt: skip
# A number of the right length and check digit may be an order's: without a telling field it proves nothing.
_TELLING: Final = {
    Kind.PHONE: re.compile(r"phone|mobile|tel|sj|dh|lxfs|手机|电话|联系", re.IGNORECASE),
    Kind.ID_CARD: re.compile(
        r"id_?card|idno|id_?num|cert|card|identi|sfz|zjhm|zjh|aac002|aac147|aae135|身份|证件|证号",
        re.IGNORECASE,
    ),
    Kind.BANK_CARD: re.compile(r"card|bank|acct|account|yhk|kh|银行|卡号|账号", re.IGNORECASE),
    Kind.NAME: re.compile(r"psn_|pat|user|real|true|^xm$|hzxm|brxm|cn_?name|姓名", re.IGNORECASE),
}
_BUSINESS: Final = frozenset((
    "psn_no", "psn_name", "certno", "psn_cert_no", "mdtrt_cert_no", "card_sn", "mdtrt_id", "setl_id",
    "medins_setl_id", "ipt_otp_no",
))  # fmt: skip
# Fields of HL7 v2 and DICOM whose place says what they hold, whoever sends them.
_OF_PATIENT: Final = re.compile(r"(?:PID|NK1|GT1|IN1)-\d+ 患者|[A-Z]\w+ \(0010,[0-9A-F]{4}\)$")
_FORM_TOKEN: Final = re.compile(r"csrf|xsrf|verif|authenticity|form_?token|^_token$", re.IGNORECASE)
# Numbers of orders that begin with a region and a date pass for ids one time in eleven.
_SERIAL: Final = re.compile(
    r"order|trade|serial|lsh|ddh|djh|bill|invoice|batch|msg_?id|trace|seq|流水|订单|单号", re.IGNORECASE
)
_TAG: Final = re.compile(r"t[dh]|span|div|li|p|b|text|value|font|a", re.IGNORECASE)
# A cookie of one of these names lets in whoever sends it; `guid`, `userTheme` need not.
_SESSION: Final = re.compile(
    r"sess|token|jwt|sid$|^sid|ticket|shiro|remember|auth(?!or)|passport", re.IGNORECASE
)
_WHERE: Final = {
    "url": "地址", "header": "报文头", "form": "表单", "body": "报文体", "message": "消息",
    "login": "登录报文", "stream": "数据流",
}  # fmt: skip


class CaptureParams(Params):
    """`capture_max_age_days`: how old a capture may be where no authorised time is known."""

    capture_max_age_days: int
    tls_versions_allowed: tuple[str, ...]


def is_sensitive(thing: SeenThing) -> bool:
    """Tell whether what lay open is certainly a secret, personal or business data."""
    if _OF_PATIENT.match(thing.field):
        return True
    test = _CERTAIN.get(thing.kind)
    return test is not None and test(thing)


def _tells(thing: SeenThing) -> bool:
    return _TELLING[thing.kind].search(thing.field) is not None


def _is_ids(thing: SeenThing) -> bool:
    """Tell whether numbers that pass for ids are ids: by their field, or, without one, by their number."""
    if _SERIAL.search(thing.field):
        return False
    bare = not thing.field or _TAG.fullmatch(thing.field) is not None
    return _tells(thing) or (bare and thing.count > _FEW)


# What a server sends under such names may be a label (`"password": "请输入密码"`) or its own telephone; a
# cookie set in a redirect to HTTPS need never come back in clear.
_CERTAIN: Final[Mapping[Kind, Callable[[SeenThing], bool]]] = {
    Kind.PASSWORD: lambda one: one.from_client,
    Kind.TOKEN: lambda one: _FORM_TOKEN.search(one.field) is None,
    Kind.COOKIE: lambda one: one.from_client and _SESSION.search(one.field) is not None,
    Kind.ID_CARD: _is_ids,
    Kind.MEDICAL: lambda one: one.field.lower() in _BUSINESS,
    Kind.PHONE: lambda one: _tells(one) and (one.from_client or one.count > _FEW),
    Kind.BANK_CARD: _tells,
    Kind.NAME: lambda one: _tells(one) and one.from_client,
}


def require_current(seen: Seen, params: CaptureParams) -> None:
    """Refuse to judge by captures of another time.

    Raises:
        Undetermined: times are unknown, outside the authorised time, in the future, or too long ago.

    """
    for one in seen.recordings:
        if one.packets == 0:
            continue
        if one.first is None or one.last is None:
            raise Undetermined(f"抓包 {one.name} 没有时间，不能证明是本次测试期间所抓，请重新抓包")
        when = f"抓包 {one.name} 抓于 {_span(one)}"
        if one.last > seen.at + _SLACK:
            raise Undetermined(f"{when}，晚于现在，时钟有误，不足以说明现状")
        if seen.begin is not None and seen.end is not None:
            if one.first < seen.begin - _SLACK or one.last > seen.end + _SLACK:
                raise Undetermined(f"{when}，不在授权的测试时段内，不足以说明现状，请在时段内重新抓包")
        elif seen.at - one.last > timedelta(days=params.capture_max_age_days):
            days = (seen.at - one.last).days
            raise Undetermined(f"{when}，距今 {days} 天，超过 {params.capture_max_age_days} 天，请重新抓包")


def criteria(seen: Seen, params: CaptureParams, *, secrecy: bool = True) -> tuple[Criterion, ...]:
    """Return what was asked of each flow that must be encrypted or shows what it must not, and of the whole.

    Raises:
        Undetermined: nothing was captured of any declared flow.

    """
    if not any(one.packets for one in seen.flows):
        raise Undetermined(
            f"{_recordings(seen)}中未见申报的传输流（{listing(_called(one) for one in seen.flows)}），"
            "请核对地址、端口与抓包位置后重新抓包"
        )
    fact = kind_of(seen)
    question = "是否加密传输" if secrecy else "是否经密码技术保护"
    asked = [
        Criterion(
            name=f"flow_{number}", question=f"传输流“{one.name}”{question}", met=met(one, secrecy=secrecy),
            measured=measured(one), fact=fact, decisive=secrecy and any(map(is_sensitive, one.things)),
        )
        for number, one in enumerate(seen.flows, 1)
        if one.must_be_encrypted or (secrecy and any(map(is_sensitive, one.things)))
    ]  # fmt: skip
    if not asked:
        raise Undetermined("申报的传输流均注明不要求加密，抓包中也未见敏感数据明文；是否如此须人工核查")
    return (*asked, *_versions(seen, params, fact), *_suites(seen, fact), *_whole(seen, fact))


def met(flow: SeenFlow, *, secrecy: bool = True) -> bool | None:
    """Return whether a flow was protected: True and False only where all its connections prove it."""
    if secrecy and any(map(is_sensitive, flow.things)):
        return False
    open_ways = [one for one in flow.ways if one.channel is Channel.CLEAR]
    plain = _PLAIN | {Speech.ORACLE} if secrecy else _PLAIN  # Oracle can seal what it does not hide
    if any(one.speaks in plain or one.null_suite for one in open_ways):
        return False
    if open_ways or flow.cannot_tell or not flow.encrypted or flow.things:
        return None
    return True


def measured(flow: SeenFlow) -> str:
    """Return what was seen of a flow."""
    if not flow.packets:
        return f"{_called(flow)}：抓包中未见"
    parts = [_way(one) for one in flow.ways[:_SHOWN]] or ["仅见建立连接，无数据"]
    if flow.late and flow.cannot_tell:
        parts.append(f"{flow.late} 个连接在抓包开始前已建立，未见握手")
    if flow.one_sided and flow.cannot_tell:
        parts.append(f"{flow.one_sided} 个连接只抓到一个方向")
    if flow.unseen_bytes:
        parts.append(f"{flow.unseen_bytes} 字节（压缩、二进制、图片等）未解读")
    if flow.lost_bytes:
        parts.append(f"抓包缺 {flow.lost_bytes} 字节")
    return f"{_called(flow)}：{'，'.join(parts)}{_shown(flow)}"


def sentence(seen: Seen, asked: Iterable[Criterion]) -> str:
    """Return the statement: which captures, and what each flow and the whole showed."""
    others = [
        one for one in seen.flows if not one.must_be_encrypted and not any(map(is_sensitive, one.things))
    ]
    parts = [one.measured for one in asked]
    if others:
        parts.append(f"申报为不要求加密的：{listing(one.name for one in others)}，{_unsensitive(others)}")
    return f"经测试验证，{_recordings(seen)}，{'；'.join(parts)}。"


def _unsensitive(flows: Iterable[SeenFlow]) -> str:
    """Return that nothing sensitive was seen, no further than was looked."""
    unread = sum(one.unseen_bytes + one.lost_bytes + one.sampled_bytes for one in flows)
    return f"已解读的部分未见敏感数据明文，另有 {unread} 字节未能解读" if unread else "未见敏感数据明文"


def _recordings(seen: Seen) -> str:
    return "、".join(
        f"{'网卡' if one.live else '抓包'} {one.name}（{_span(one)}，{one.packets} 个包）"
        for one in seen.recordings
    )


def _span(one: Recording) -> str:
    if one.first is None or one.last is None:
        return "时间不明"
    begin, end = one.first.astimezone(_BEIJING), one.last.astimezone(_BEIJING)
    return f"北京时间 {begin:%Y-%m-%d %H:%M:%S} 至 {end:%Y-%m-%d %H:%M:%S}"


def _called(flow: SeenFlow) -> str:
    purpose = f"，{flow.purpose}" if flow.purpose else ""
    return f"{flow.name}（{f'{flow.client} → ' if flow.client else ''}{flow.server}{purpose}）"


def _way(way: SeenWay) -> str:
    before = f"先以 {way.upgraded_from.zh.removesuffix(' 明文')} 明文协商，后" if way.upgraded_from else ""
    name = way.version or way.speaks.zh
    state = {
        Channel.ENCRYPTED: f"经 {name} 加密", Channel.CLEAR: f"以 {name.removesuffix(' 明文')} 明文传输",
        Channel.CANNOT_TELL: f"为 {name}，是否加密未能证实", Channel.NOT_SEEN: "无数据",
    }[way.channel]  # fmt: skip
    if way.null_suite:
        state = f"经 {name}，但套件不加密"
    return f"{way.connections} 个连接{before}{state}"


def _shown(flow: SeenFlow) -> str:
    """Return what lay open: the certain first, each with its place and a masked specimen."""
    if not flow.things:
        return ""
    ordered = sorted(flow.things, key=lambda one: not is_sensitive(one))
    texts = []
    for one in ordered[:_SHOWN]:
        count = f"{'至少 ' if one.at_least else ''}{one.count} 处"
        where = f"{_WHERE.get(one.where, one.where)}{f' {one.field}' if one.field else ''}"
        doubt = "" if is_sensitive(one) else "疑似"
        texts.append(
            f"{doubt}{one.kind.zh}明文 {count}"
            f"（{where}，如 {one.masked}，{one.recording} 第 {one.packet} 包）"
        )
    left = len(flow.things) - _SHOWN
    more = f"，另有 {left} 类" if left > 0 else ""
    if flow.things_left_out:
        more += f"，另至少 {flow.things_left_out} 处未逐一列出"
    return f"，见{'、'.join(texts)}{more}"


def _versions(seen: Seen, params: CaptureParams, fact: str) -> tuple[Criterion, ...]:
    allowed = {one.replace("TLSv", "TLS ") for one in params.tls_versions_allowed}
    used = {
        one.version
        for flow in seen.flows
        for one in flow.ways
        if one.channel is Channel.ENCRYPTED and one.version and flow.must_be_encrypted
    }
    old = sorted(one for one in used if one not in allowed and not one.startswith("TLCP"))
    if not old:
        return ()  # no merit of its own: it must not soften a flow in clear to 部分符合
    text = f"用到 {listing(old)}"
    return (
        Criterion(name="version", question="是否未使用不允许的协议版本", met=False, measured=text, fact=fact),
    )


def _suites(seen: Seen, fact: str) -> tuple[Criterion, ...]:
    """Return a criterion that is failed where a broken suite was agreed on; good ones have no merit."""
    used = {
        one.suite_name
        for flow in seen.flows
        for one in flow.ways
        if one.channel is Channel.ENCRYPTED and flow.must_be_encrypted
    }
    plain = sorted(filter(is_plain, used))
    bad = sorted({*plain, *filter(is_weak, used)})
    if not bad:
        return ()
    text = f"用到不鉴别服务端、出口级或弱算法套件 {listing(bad)}"
    question = "是否未使用匿名、出口级、弱算法套件"
    return (
        Criterion(name="suite", question=question, met=False, measured=text, fact=fact, decisive=bool(plain)),
    )


def _whole(seen: Seen, fact: str) -> tuple[Criterion, ...]:
    """Return an open criterion where a capture is cut off or lacks packets: nobody saw the rest."""
    lacks = [f"{one.name} {one.broken.rstrip('。')}" for one in seen.recordings if one.broken]
    lacks += [f"{one.name} 抓包时丢弃 {one.dropped} 个包" for one in seen.recordings if one.dropped]
    # tcpdump tells at its end what was lost; one that was killed on the way tells nothing.
    lacks += [
        f"{one.name} 抓包未正常结束，是否丢包不明"
        for one in seen.recordings
        if one.live and one.dropped is None
    ]
    if not lacks:
        return ()
    text = f"抓包不完整：{listing(lacks)}"
    return (Criterion(name="whole", question="抓包是否完整", met=None, measured=text, fact=fact),)
