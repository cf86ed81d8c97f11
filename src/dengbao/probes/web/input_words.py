"""What kinds of values a form is sent, in Chinese."""

from __future__ import annotations

from typing import Final

from .statements import JOINING

MARKUP: Final = ("markup", "attribute")
WAYS: Final = {
    "right": "正确的内容", "too_long": "超长", "empty": "必填项为空", "letters": "数值项填字母",
    "exponent": "数值溢出", "below": "小于下限", "above": "大于上限", "impossible_day": "不存在的日期",
    "check_digit": "身份证号校验位错误", "id_date": "身份证号日期不存在", "short_id": "身份证号 17 位",
    "short_phone": "手机号 10 位", "unlisted": "字典外代码", "forged_type": "文本冒充该类型文件",
    "wrong_magic": "内容与扩展名不符的文件", "double_extension": "双扩展名文件（.jsp）",
    "credit_check": "统一社会信用代码校验位错误", "short_credit": "统一社会信用代码 17 位",
    "bank_check": "银行卡号校验位错误", "markup": "HTML 标记", "attribute": "闭合属性的引号",
    "quote": "末尾加单引号", "quote_pair": "末尾加成对单引号",
    **dict.fromkeys((*JOINING, *(f"{one}_control" for one in JOINING)), "以连接符拆开的内容"),
}  # fmt: skip
