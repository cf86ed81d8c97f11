"""6.b.1, 6.b.3, 7.b.1, 7.b.3: do dumps, logs, exports and uploads hold nothing that anyone can read?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.data.facts import DataScan

from ..data_files import unreadable
from ..hosts import told

# What the facts cannot show and people must add.
LEFT = "未登记的数据位置、图片与扫描件、加密算法与密钥管理须人工核查"


@check("confidentiality.stored_files", half=LEFT)
def files_hold_nothing_readable(scan: DataScan) -> Judgement:
    """Judge that the declared files hold no id numbers and no passwords in clear.

    Phone numbers, names and tokens alone decide nothing: they are told by shape or by the word before them.

    Source: GB/T 22239-2019 8.1.4.8 b).
    """
    criteria = tuple(unreadable(one) for one in scan.places)
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=LEFT,
    )
