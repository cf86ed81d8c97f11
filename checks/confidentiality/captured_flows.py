"""7.a.1, 7.a.2: does captured traffic show the declared flows encrypted, and nothing open in them?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.capture.facts import CaptureFlows

from ..captures import CaptureParams, criteria, require_current, sentence

_REMAINDER = "核查系统设计文档，确认申报的传输流涵盖鉴别数据、重要业务数据和个人信息的全部传输环节"


@check("confidentiality.captured_flows", half=_REMAINDER)
def captured_flows_are_encrypted(seen: CaptureFlows, params: CaptureParams) -> Judgement:
    """Judge that every declared flow was seen encrypted, with no password, token or personal data in clear.

    Source: GB/T 22239-2019 8.1.4.8 a).
    """
    require_current(seen, params)
    asked = criteria(seen, params)
    return Judgement(
        criteria=asked, statement=sentence(seen, asked), coverage=Coverage.PARTIAL, remainder=_REMAINDER
    )
