"""7.a.2: are credentials encrypted on the way?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.web.facts import WebLoginPage, WebPlain, WebSession
from dengbao.probes.web.facts_sent import WebPasswordSent

from ..web_channel import channel, channel_proofs, sight, unseen


@check(
    "confidentiality.cleartext_login", half="登录以外的传输环节是否加密；未登记抓包（traffic）的，须抓包核查"
)
def web_login_is_not_in_clear(
    login: WebLoginPage,
    plain: WebPlain | None,
    session: WebSession | None,
    sent: WebPasswordSent | None,
) -> Judgement:
    """Judge that the login page and the password travel over HTTPS only, never in an address.

    Source: GB/T 22239-2019 8.1.4.8 a).
    """
    criteria = channel(login, plain, session, sent)
    more = f"；{unseen(plain)}" if unseen(plain) else ""
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{sight(login, criteria)}{more}。",
        coverage=Coverage.PARTIAL,
        remainder="登录以外，重要业务数据和个人信息在各传输环节是否加密；未登记抓包（traffic）的，须抓包核查"
        + more,
        proofs=channel_proofs(login, plain, criteria),
    )
