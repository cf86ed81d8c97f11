"""10.b.1: are exports of personal data kept to those who may have them?"""

from __future__ import annotations

from dengbao.checking import check
from dengbao.model import Coverage, Judgement
from dengbao.probes.web.facts_persons import WebExports

from ..persons import export_proofs, export_rights

_LEFT = "导出的审批、留痕与导出文件的保管，须人工核查"


@check("privacy.export_rights", half=_LEFT)
def exports_are_kept_to_those_who_may(exports: WebExports) -> Judgement:
    """Judge that no export comes to an account of another role, or to a stranger.

    Source: GB/T 22239-2019 8.1.4.11 b).
    """
    criteria = tuple(map(export_rights, exports.exports))
    pairs = zip(exports.exports, criteria, strict=True)
    told = [f"导出“{one.name}”（{one.request}）：{each.measured}" for one, each in pairs]
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{'。'.join(told)}。",
        coverage=Coverage.PARTIAL,
        remainder=_LEFT,
        proofs=tuple(one for export in exports.exports for one in export_proofs(export)),
    )
