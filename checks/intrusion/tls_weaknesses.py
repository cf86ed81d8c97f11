"""4.e.1: do known defects of TLS show from outside?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.tls.facts import TlsVersions, TlsWeaknesses

from .. import proofs
from ..channels import no_plain_suite, no_weak_suite, place, require_tls
from ..wording import listing

# What the facts cannot show and people must add.
LEFT = "以漏洞扫描或渗透测试报告证实该对象不存在其他高风险漏洞"

_FACT = "tls.weaknesses"
_OLD = ("SSLv2", "SSLv3")
_SAFE_FROM_DOWNGRADE = ("TLSv1.2", "TLSv1.3")


@check("intrusion.tls_weaknesses", half=LEFT)
def known_defects_do_not_show(seen: TlsVersions, weaknesses: TlsWeaknesses) -> Judgement:
    """Judge that neither known defects nor broken versions and suites are offered.

    Source: GB/T 22239-2019 8.1.4.4 e).
    """
    require_tls(seen)
    criteria = (
        _absent("heartbleed", "心脏出血（CVE-2014-0160）", weaknesses.heartbleed, decisive=True),
        _absent("ccs_injection", "CCS 注入（CVE-2014-0224）", weaknesses.ccs_injection, decisive=True),
        _absent("robot", "ROBOT（RSA 填充预言）", weaknesses.robot, decisive=True),
        _absent("compression", "TLS 压缩（CRIME）", weaknesses.compression),
        _absent("client_renegotiation", "客户端反复重协商", weaknesses.client_renegotiation),
        _secure_renegotiation(weaknesses.secure_renegotiation),
        _no_downgrade(seen, weaknesses.fallback_scsv),
        _no_ssl(seen),
        no_plain_suite(seen),
        no_weak_suite(seen),
    )
    bad = [one.measured for one in criteria if one.met is False]
    unknown = [one.measured for one in criteria if one.met is None]
    told = f"发现：{'；'.join(bad)}" if bad else "未发现上述已知缺陷" if not unknown else "已测各项未发现缺陷"
    lacking = f"；未能确定：{'；'.join(unknown)}" if unknown else ""
    return Judgement(
        criteria=criteria,
        statement=(
            f"经测试验证，对 {place(seen)} 检测心脏出血、CCS 注入、ROBOT、压缩、重协商、降级、旧版 SSL "
            f"与弱套件共 {len(criteria)} 项，{told}{lacking}。"
        ),
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
        proofs=proofs.channel(seen, criteria),
    )


def _absent(name: str, title: str, found: bool | None, *, decisive: bool = False) -> Criterion:
    words = {True: f"存在{title}", False: f"未见{title}", None: f"{title}未测出结果"}
    return Criterion(
        name=name,
        question=f"是否不存在{title}",
        met=None if found is None else not found,
        measured=words[found],
        fact=_FACT,
        decisive=decisive,
    )


def _secure_renegotiation(supported: bool | None) -> Criterion:
    words = {True: "支持安全重协商", False: "不支持安全重协商（RFC 5746）", None: "安全重协商未测出结果"}
    return Criterion(
        name="secure_renegotiation",
        question="是否支持安全重协商",
        met=supported,
        measured=words[supported],
        fact=_FACT,
    )


def _no_downgrade(seen: TlsVersions, supported: bool | None) -> Criterion:
    """TLS 1.3 and 1.2 are told apart by a mark of their own (RFC 8446 4.1.3); older ones need the signal."""
    older = [one for one in seen.versions if one.name not in _SAFE_FROM_DOWNGRADE]
    moot = all(one.accepted is False for one in older)
    words = {True: "支持防降级信号", False: "不支持防降级信号（RFC 7507）", None: "防降级信号未测出结果"}
    return Criterion(
        name="no_downgrade",
        question="是否防止版本降级",
        met=True if moot else supported,
        measured="不接受 TLS 1.2 以下版本，无可降级" if moot else words[supported],
        fact=_FACT,
    )


def _no_ssl(seen: TlsVersions) -> Criterion:
    old = [one for one in seen.versions if one.name in _OLD]
    taken = [one.name for one in old if one.accepted]
    unknown = [one.name for one in old if one.accepted is None]
    measured = f"接受 {listing(taken)}" if taken else "未接受 SSLv2、SSLv3"
    return Criterion(
        name="no_ssl",
        question="是否未接受 SSLv2、SSLv3",
        met=False if taken else (None if unknown else True),
        measured=measured if taken or not unknown else f"{listing(unknown)} 未测出结果",
        fact="tls.versions",
        decisive=True,
    )
