"""6.a.1: does captured traffic show the declared flows under a protocol that notices alterations?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.capture.facts import CaptureFlows

from ..captures import CaptureParams, criteria, require_current, sentence

_REMAINDER = "核查系统设计文档，确认申报的传输流涵盖全部重要数据的传输环节；未经 TLS 的报文是否另有校验"


@check("integrity.captured_flows", half=_REMAINDER)
def captured_flows_are_protected(seen: CaptureFlows, params: CaptureParams) -> Judgement:
    """Judge that every declared flow was carried by TLS, TLCP or SSH, which detect alterations.

    Source: GB/T 22239-2019 8.1.4.7 a).
    """
    require_current(seen, params)
    asked = criteria(seen, params, secrecy=False)
    return Judgement(
        criteria=asked, statement=sentence(seen, asked), coverage=Coverage.PARTIAL, remainder=_REMAINDER
    )
