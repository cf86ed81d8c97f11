"""4.d.2: does the server itself refuse what a form must not take?"""

from __future__ import annotations

from collections.abc import Iterator

from dengbao.checking import check
from dengbao.errors import Undetermined
from dengbao.model import Coverage, Criterion, Exchange, Judgement
from dengbao.probes.web.facts_inputs import FormSeen, InputTry, WebInputs

from ..spliced import JOINING, SPLICED, is_control, put_together
from ..wording import listing

_REMAINDER = "只测试了登记的表单与接口，其余录入界面、通信接口的有效性检验须人工抽测"
_FACT = "web.inputs"
_KINDS = {
    "too_long": "超长", "empty": "必填项为空", "letters": "数值项填字母", "exponent": "数值溢出（1e400）",
    "below": "小于下限", "above": "大于上限", "impossible_day": "2 月 30 日", "check_digit": "校验位错误",
    "id_date": "出生日期不存在", "short_id": "身份证号 17 位", "short_phone": "手机号 10 位",
    "credit_check": "统一社会信用代码校验位错误", "short_credit": "统一社会信用代码 17 位",
    "bank_check": "银行卡号校验位错误", "attribute": "闭合属性的引号",
    "unlisted": "字典外代码", "forged_type": "文本冒充该类型文件", "wrong_magic": "内容与扩展名不符的文件",
    "double_extension": "双扩展名文件（.jsp）", "markup": "HTML 标记", "quote": "末尾加单引号",
    "quote_pair": "末尾加成对单引号",
    "concat_bars": "以“'||'”拆开的内容", "concat_space": "以“' '”拆开的内容",
    "concat_plus": "以“'+'”拆开的内容",
}  # fmt: skip
_MARKUP = ("markup", "attribute")
# What is asked of a form, and the kinds of wrong values that answer it.
_ASKED = {
    "length": ("超长内容是否被拒绝", ("too_long",)),
    "required": ("必填项为空是否被拒绝", ("empty",)),
    "numbers": ("非数值、溢出的数值是否被拒绝", ("letters", "exponent")),
    "range": ("超出范围的数值是否被拒绝", ("below", "above")),
    "date": ("不存在的日期是否被拒绝", ("impossible_day",)),
    "id_card": ("错误的身份证号是否被拒绝", ("check_digit", "id_date", "short_id")),
    "credit_code": ("错误的统一社会信用代码是否被拒绝", ("credit_check", "short_credit")),
    "bank_card": ("错误的银行卡号是否被拒绝", ("bank_check",)),
    "phone": ("位数不足的手机号是否被拒绝", ("short_phone",)),
    "code": ("字典外代码是否被拒绝", ("unlisted",)),
    "file": ("冒充类型的文件是否被拒绝", ("forged_type", "wrong_magic")),
    "file_name": ("可执行的双扩展名文件是否被拒绝", ("double_extension",)),
    "markup": ("HTML 标记是否被拒绝或转义后展示", _MARKUP),
    "quote": ("单引号是否引发服务端错误", ("quote", "quote_pair")),
    "spliced": ("内容是否不成为所执行语句的一部分", JOINING),
}  # fmt: skip
# 数据有效性检验功能缺失或不完善 is 高风险 where it opens injection, scripts or uploads (判例 6.4.3.3).
_HOLES = ("markup", "quote", "spliced", "file_name")
_HARMLESS = (*_MARKUP, "quote", *SPLICED)
_PUT_TOGETHER = {
    True: "被接受，且按语句合并，内容已成为所执行语句的一部分", False: "被接受，未按语句合并",
    None: "被接受，是否成为所执行语句的一部分须人工核对",
}  # fmt: skip


# Markup and quotes that do no harm prove no validation: somebody must have said what a field may hold.
_NO_LIMITS = Criterion(
    name="limits", question="登记的字段是否有可据以判断的限制", met=None,
    measured="未登记必填、长度、类型、范围或代码", fact=_FACT,
)  # fmt: skip


@check("intrusion.input_validation", half=_REMAINDER)
def forms_refuse_wrong_values(inputs: WebInputs) -> Judgement:
    """Judge by one wrong value at a time, sent past the page's own script and limits.

    Refusals tell only where the same form, filled in rightly, was accepted before and afterwards.

    Source: GB/T 22239-2019 8.1.4.4 d); GB/T 28448-2019 L3-CES1-20.
    """
    tried = [one for one in inputs.forms if one.tries]
    if not tried:
        why = "；".join(f"“{one.name}”{one.problem}" for one in inputs.forms if one.problem)
        raise Undetermined(f"登记的 {len(inputs.forms)} 个表单均未提交：{why or '无内容可试'}")
    validating = [
        one for form in tried for one in form.wrong if one.kind not in _HARMLESS and not is_control(one)
    ]
    # Where not one wrong value was refused, no validation is there at all.
    none = bool(validating) and all(one.outcome == "accepted" for one in validating)
    criteria = [one for form in inputs.forms for one in _criteria(form, none=none)]
    if not validating:
        criteria.append(_NO_LIMITS)
    return Judgement(
        criteria=tuple(criteria),
        statement=f"经测试验证，{'；'.join(map(_told, inputs.forms))}。",
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
        proofs=tuple(each for form in tried for each in _proofs(form)),
    )


def _criteria(form: FormSeen, *, none: bool) -> Iterator[Criterion]:
    complete = form.control and not form.problem
    yield Criterion(
        name=f"control_{form.id}", question=f"表单“{form.name}”的正确内容是否被接受，且已试完",
        met=True if complete else None, measured=form.problem or ("前后均被接受" if complete else "未被接受"),
        fact=_FACT,
    )  # fmt: skip
    for name, (question, kinds) in _ASKED.items():
        tries = [one for one in form.wrong if one.kind in kinds]
        if not tries:
            continue
        met = _all_met([_holds(form, one) for one in tries])
        # A refusal may be that of a dead session; what was accepted between needs no second control.
        if met and not form.control:
            met = None
        yield Criterion(
            name=f"{name}_{form.id}", question=f"表单“{form.name}”：{question}",
            met=met if _begun(form) else None, measured=_measured(form, tries), fact=_FACT,
            decisive=none or (name in _HOLES and any(_is_hole(form, one) for one in tries)),
        )  # fmt: skip


def _begun(form: FormSeen) -> bool:
    """Tell whether the first right submission was accepted."""
    return bool(form.tries) and form.tries[0].kind == "right" and form.tries[0].outcome == "accepted"


def _all_met(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _holds(form: FormSeen, one: InputTry) -> bool | None:
    """Tell whether the server dealt rightly with one wrong value."""
    if one.outcome == "server_error":
        return False
    if one.kind in SPLICED and one.outcome != "unclear":
        part = put_together(form, one)
        return None if part is None else not part
    if one.kind in _MARKUP and one.escaped is not None:
        return one.escaped
    if one.outcome in ("refused", "normalised"):
        return True
    if one.outcome != "accepted" or one.kind in _MARKUP:
        return None
    # A quote is a letter like any other: taken without an error, it did no harm.
    return one.kind == "quote"


def _is_hole(form: FormSeen, one: InputTry) -> bool:
    """Tell whether a value got where it opens the application: a page, a statement, a folder of programs."""
    if one.kind in SPLICED:
        return one.database or put_together(form, one) is True
    if one.kind == "quote":
        return one.database
    if one.kind in _MARKUP:
        return one.escaped is False
    return one.kind == "double_extension" and one.outcome == "accepted"


def _words(form: FormSeen, one: InputTry) -> str:
    """Return in Chinese what became of one submission."""
    if one.problem:
        return f"未取得应答（{one.problem}）"
    if one.kind in SPLICED and one.outcome == "accepted":
        return _PUT_TOGETHER[put_together(form, one)]
    if one.outcome == "server_error":
        inside = f"，回显 {listing(one.words, 2)}" if one.words else ""
        return f"服务端错误 {one.status}{inside}"
    if one.kind in _MARKUP and one.escaped is False:
        return "未转义即输出到页面"
    if one.outcome == "accepted":
        shown = "，展示时已转义" if one.kind in _MARKUP and one.escaped else ""
        return "被接受" + shown + ("，仅界面限制" if one.page_refuses else "")
    return {"refused": "被拒绝", "normalised": "被规整为合规内容后保存"}.get(
        one.outcome, "应答看不出是否接受"
    )


def _measured(form: FormSeen, tries: list[InputTry]) -> str:
    return "；".join(f"{one.field} {_KINDS.get(one.kind, one.kind)}{_words(form, one)}" for one in tries)


def _told(form: FormSeen) -> str:
    head = f"表单“{form.name}”（{form.request}，{form.role or '角色未填'}账户）"
    if not form.tries:
        return f"{head}未提交：{form.problem}"
    if not _begun(form):
        return f"{head}填写正确的内容未被接受，未再提交错误内容"
    wrong = [one for one in form.wrong if one.kind not in SPLICED and not is_control(one)]
    refused = sum(one.outcome in ("refused", "normalised") for one in wrong)
    parts = [f"绕过界面逐项提交错误内容 {len(wrong)} 次，服务端拒绝 {refused} 次"]
    notable = [one for one in wrong if one.outcome not in ("refused", "normalised") or one.escaped is False]
    notable = [*[one for one in form.wrong if one.kind in SPLICED and not _holds(form, one)], *notable]
    if notable:
        told = (f"{one.field} {_KINDS.get(one.kind, one.kind)}{_words(form, one)}" for one in notable)
        parts.append(listing(told))
    if form.untried:
        parts.append(f"字段 {listing(form.untried)} 登记的内容不足，未试")
    if not form.control:
        parts.append(form.problem or "最后再次提交正确的内容未被接受，其间的拒绝不足为凭")
    if form.left:
        parts.append(f"有 {form.left} 次提交所建数据未能确认删除，须人工核对")
    return f"{head}填写正确的内容被接受；{'；'.join(parts)}"


def _proofs(form: FormSeen) -> Iterator[Exchange]:
    """Yield what a technician can send again: what was wrongly dealt with."""
    for one in form.wrong:
        if _holds(form, one) is False and not is_control(one):
            yield Exchange(
                request=f"{form.request}（{one.field}：{_KINDS.get(one.kind, one.kind)}，其余字段正确）",
                answer=("" if one.outcome == "server_error" else f"{one.status}，") + _words(form, one),
                at=one.at, role=form.role,
            )  # fmt: skip
