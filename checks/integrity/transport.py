"""6.a.1: does cryptography protect what is sent from being altered?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.tls.facts import TlsVersions

from .. import proofs
from ..channels import (
    ChannelParams,
    allowed_version,
    clear_text_criterion,
    is_clear_text,
    no_anonymous_suite,
    no_other_version,
    place,
    require_tls,
    sight,
)

_REMAINDER = (
    "核查系统设计文档，确认鉴别、业务、审计、配置数据和个人信息的全部传输路径均采用校验或密码技术保证完整性"
)


@check("integrity.transport", half=_REMAINDER)
def channel_protects_integrity(seen: TlsVersions, params: ChannelParams) -> Judgement:
    """Judge that the channel is TLS of an allowed version with an authenticated server.

    Source: GB/T 22239-2019 8.1.4.7 a).
    """
    if is_clear_text(seen):
        open_text = (clear_text_criterion(seen),)
        return Judgement(
            criteria=open_text,
            statement=f"经测试验证，{place(seen)} 以明文 HTTP 提供服务，传输通道未采用校验技术或密码技术。",
            coverage=Coverage.PARTIAL,
            remainder=_REMAINDER,
            proofs=proofs.channel(seen, open_text),
        )
    require_tls(seen)
    allowed = params.tls_versions_allowed
    criteria = (allowed_version(seen, allowed), no_other_version(seen, allowed), no_anonymous_suite(seen))
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{sight(seen)}；匿名套件：{no_anonymous_suite(seen).measured}。",
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
        proofs=proofs.channel(seen, criteria),
    )
