"""10.b.1: are personal data masked where they are shown, behind the page, and in exports?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Judgement
from dengbao.probes.web.facts_persons import WebExports, WebPersons

from ..persons import exported, in_clear_proofs, masking, view_proofs

_LEFT = "须完整显示的岗位与场景的授权依据，查询、导出的审批与留痕，须人工核查"


@check("privacy.masking", half=_LEFT)
def shown_persons_are_masked(persons: WebPersons, exports: WebExports | None) -> Judgement:
    """Judge that declared fields are masked in the page, in its source and in the interfaces behind it.

    Source: GB/T 22239-2019 8.1.4.11 b).
    """
    views = [one for one in persons.views if one.masked]
    found = exports.exports if exports is not None else ()
    criteria = (
        *(one for view in views for one in masking(view)),
        *(one for export in found for one in exported(export)),
    )
    if not criteria:
        raise Undetermined("未登记须脱敏的字段，须在 app.patients[].masked 登记，或人工核查")
    told = [f"{one.question.removesuffix('是否脱敏')}：{one.measured}" for one in criteria]
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{'；'.join(told)}。",
        coverage=Coverage.PARTIAL,
        remainder=_LEFT,
        proofs=(
            *(one for view in views for one in view_proofs(view, criteria)),
            *(one for export in found for one in in_clear_proofs(export, criteria)),
        ),
    )
