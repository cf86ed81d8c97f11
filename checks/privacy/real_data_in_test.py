"""10.b.1: is the test environment free of personal data of real people (第二十条（四）)?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.data.facts import DataScan

from ..data_files import nobodys
from ..hosts import told

# What the facts cannot show and people must add.
LEFT = "测试数据的来源与脱敏记录、约定的虚构号段、未登记的数据位置须人工核查"


@check("privacy.real_data_in_test", half=LEFT)
def files_hold_nobodys_data(scan: DataScan) -> Judgement:
    """Judge that the declared files hold no readable personal data of real people.

    What is found decides only together with the declared origin: nothing in a number tells whether it was
    made up, but for a region that was never given, and nothing in a name, but for a word that no name has.

    Source: GB/T 22239-2019 8.1.4.11 b).
    """
    criteria = tuple(nobodys(one) for one in scan.places)
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )
