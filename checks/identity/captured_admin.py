"""1.c.1: does captured traffic show remote administration encrypted?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.capture.facts import CaptureAdmin

from ..captures import CaptureParams, criteria, require_current, sentence

_REMAINDER = "申报的管理连接是否涵盖全部远程管理途径，须人工核查"


@check("identity.captured_admin", half=_REMAINDER)
def captured_administration_is_encrypted(seen: CaptureAdmin, params: CaptureParams) -> Judgement:
    """Judge that every flow declared as administration was seen encrypted.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    require_current(seen, params)
    asked = criteria(seen, params)
    return Judgement(
        criteria=asked, statement=sentence(seen, asked), coverage=Coverage.PARTIAL, remainder=_REMAINDER
    )
