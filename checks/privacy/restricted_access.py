"""10.b.1: is access to personal information restricted by technical means?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants, DatabaseServer
from dengbao.probes.web.facts import WebPages, WebSession

from .. import databases, db_rights
from ..web_pages import refusal_proofs, refusals, summary

# What the facts cannot show and people must add.
WEB_LEFT = "登录用户之间按岗位限制查询、导出个人信息及脱敏展示的措施，须人工核查"
DATABASE_LEFT = "核查查询、导出个人信息的审批与脱敏展示措施"


@check("privacy.restricted_access", half=WEB_LEFT)
def web_personal_data_need_a_login(pages: WebPages, session: WebSession | None) -> Judgement:
    """Judge that protected pages are kept from strangers.

    Source: GB/T 22239-2019 8.1.4.11 b).
    """
    criteria = refusals(pages, session)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{summary(pages, criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=refusal_proofs(pages, session),
    )


@check("privacy.restricted_access", half=DATABASE_LEFT)
def database_personal_data_are_kept_to_some(
    asset: DatabaseAsset, accounts: DatabaseAccounts, grants: DatabaseGrants, server: DatabaseServer | None
) -> Judgement:
    """Judge that declared sensitive columns are not open to everyone.

    Source: GB/T 22239-2019 8.1.4.11 b).
    """
    criteria = db_rights.personal(accounts, grants, len(asset.sensitive), server)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )
