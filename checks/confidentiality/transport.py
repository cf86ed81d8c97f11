"""7.a.1: does cryptography keep what is sent from being read?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabaseServer
from dengbao.probes.tls.facts import TlsVersions

from .. import databases, db_channels, proofs
from ..channels import (
    ChannelParams,
    allowed_version,
    clear_text_criterion,
    is_clear_text,
    no_other_version,
    no_plain_suite,
    no_weak_suite,
    place,
    require_tls,
    sight,
)

_REMAINDER = "核查系统设计文档，确认鉴别数据、重要业务数据和个人信息的全部传输路径均采用密码技术保证保密性"


@check("confidentiality.transport", half=_REMAINDER)
def channel_is_encrypted(seen: TlsVersions, params: ChannelParams) -> Judgement:
    """Judge that the channel is TLS of an allowed version with suites that encrypt.

    Source: GB/T 22239-2019 8.1.4.8 a).
    """
    if is_clear_text(seen):
        open_text = (clear_text_criterion(seen),)
        return Judgement(
            criteria=open_text,
            statement=f"经测试验证，{place(seen)} 以明文 HTTP 提供服务，传输通道未采用密码技术。",
            coverage=Coverage.PARTIAL,
            remainder=_REMAINDER,
            proofs=proofs.channel(seen, open_text),
        )
    require_tls(seen)
    allowed = params.tls_versions_allowed
    plain, weak = no_plain_suite(seen), no_weak_suite(seen)
    criteria = (allowed_version(seen, allowed), no_other_version(seen, allowed), plain, weak)
    return Judgement(
        criteria=criteria,
        statement=(
            f"经测试验证，{sight(seen)}；不加密、匿名或出口级套件：{plain.measured}；弱算法套件：{weak.measured}。"
        ),
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
        proofs=proofs.channel(seen, criteria),
    )


@check("confidentiality.transport", half=_REMAINDER)
def database_connections_are_encrypted(
    asset: DatabaseAsset,
    access: DatabaseAccess,
    accounts: DatabaseAccounts | None,
    server: DatabaseServer | None,
    params: ChannelParams,
) -> Judgement:
    """Judge that every connection over the network must be encrypted.

    Source: GB/T 22239-2019 8.1.4.8 a).
    """
    criteria = db_channels.encrypted(asset.platform, access, accounts, params.tls_versions_allowed)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria, db_channels.own_session(server)),
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
    )
