"""2.b.2: have default passwords been changed?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.web.facts import WebDefaultAccounts

from ..web_defaults import default_logins, told


@check("access.default_password")
def web_default_passwords_are_refused(seen: WebDefaultAccounts) -> Judgement:
    """Judge that no default account of the profile's list can log in.

    Source: GB/T 22239-2019 8.1.4.2 b).
    """
    criteria = default_logins(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{told(seen, criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder="产品自带的其他默认账户及其口令是否已修改，须对照产品手册核查",
    )
