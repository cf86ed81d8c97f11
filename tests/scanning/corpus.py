# ruff: noqa: E501 - sample lines are read whole
"""A labelled corpus made from a seed: values of every kind, and what only looks like them."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta

from dengbao.pii import is_bank_card, is_credit_code, is_id_card, luhn
from dengbao.scanning import Kind

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCES = ("11", "12", "31", "33", "44", "50", "51", "64", "65")
_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_SURNAMES = "王李张刘陈杨赵黄周吴马纳"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超秀霞平刚桂英"
_SAY = (
    "登记完成",
    "复诊，血压正常",
    "处方已开",
    "请到二楼药房取药",
    "结算成功",
    "影像已归档",
    "号源不足",
    "转介康复科",
)


class Maker:
    """Makes synthetic values; regions end in 99, so nobody has these numbers."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def digits(self, count: int) -> str:
        return "".join(self.random.choices("0123456789", k=count))

    def id_card(self) -> str:
        born = date(1930, 1, 1) + timedelta(days=self.random.randrange(34_000))
        body = f"{self.random.choice(_PROVINCES)}9999{born:%Y%m%d}{self.random.randrange(1000):03d}"
        return body + "10X98765432"[sum(int(a) * b for a, b in zip(body, _WEIGHTS, strict=True)) % 11]

    def old_id(self) -> str:
        whole = self.id_card()
        while whole[6:8] != "19":
            whole = self.id_card()
        return whole[:6] + whole[8:17]

    def bank_card(self) -> str:
        while True:
            body = "62" + self.digits(self.random.choice((13, 14, 15, 16)))
            whole = next(body + one for one in "0123456789" if luhn(body + one))
            if not is_id_card(whole):  # 62 is also 甘肃: one number in a thousand is valid as both
                return whole

    def credit_code(self) -> str:
        body = self.random.choice(("91", "12", "52")) + self.random.choice(_PROVINCES) + "9999"
        body += "MA" + "".join(self.random.choices(_LETTERS, k=7))
        return next(body + one for one in _LETTERS if is_credit_code(body + one))

    def phone(self) -> str:
        return self.random.choice(("138", "139", "150", "177", "192", "199")) + self.digits(8)

    def name(self) -> str:
        return self.random.choice(_SURNAMES) + "".join(
            self.random.choices(_GIVEN, k=self.random.choice((1, 2)))
        )

    def email(self) -> str:
        return f"{self.random.choice(('zhang', 'li.wei', 'a_b'))}{self.digits(3)}@mail{self.digits(1)}.example.cn"


@dataclass
class Corpus:
    """Lines of a log, and the values of each kind that were put into them, in order."""

    lines: list[str] = field(default_factory=list)
    truth: list[tuple[Kind, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def values(self, kind: Kind) -> list[str]:
        return [value for one, value in self.truth if one is kind]


def positive(make: Maker) -> tuple[str, list[tuple[Kind, str]]]:
    """Return a line with values in it, and which."""
    one, card, code, phone = make.id_card(), make.bank_card(), make.credit_code(), make.phone()
    name, mail, old = make.name(), make.email(), make.old_id()
    grouped = " ".join(card[at : at + 4] for at in range(0, 16, 4)) + (card[16:] if len(card) > 16 else "")
    secret = "Hn" + make.digits(4) + "@x"
    jwt = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{make.digits(12)}.c2ln"
    social, passport = f"NX{make.digits(9)}1", f"E{make.digits(7)}8"
    lines: list[tuple[str, list[tuple[Kind, str]]]] = [
        (f"患者姓名：{name}，身份证号：{one}，电话{phone}。", [(Kind.NAME, name), (Kind.ID_CARD, one), (Kind.PHONE, phone)]),
        (f'{{"certno":"{one}","mobile":"{phone}"}}', [(Kind.ID_CARD, one), (Kind.PHONE, phone)]),
        (f'{{"note":"\\u53f7{one}\\u4e2d{phone}\\n{one}"}}', [(Kind.ID_CARD, one), (Kind.PHONE, phone), (Kind.ID_CARD, one)]),
        (f"GET /q?sfz={one}&tel=%2B86{phone}&m=1", [(Kind.ID_CARD, one), (Kind.PHONE, "86" + phone)]),
        (f"卡号[{card}]入账", [(Kind.BANK_CARD, card)]),
        (f"付款卡 {grouped} 成功", [(Kind.BANK_CARD, card)]),
        (f"机构{code}（{code[:4]}）", [(Kind.CREDIT_CODE, code)]),
        (f"证件：{one[:6]} {one[6:14]} {one[14:]}", [(Kind.ID_CARD, one)]),
        (f"({one.lower()})", [(Kind.ID_CARD, one)]),
        (f"联系 {phone[:3]}-{phone[3:7]}-{phone[7:]} 或 {mail}", [(Kind.PHONE, phone), (Kind.EMAIL, mail)]),
        (f"旧身份证号码：{old}", [(Kind.ID_CARD_15, old)]),
        (f"医保卡号: {social} 护照号：{passport}", [(Kind.SOCIAL_CARD, social), (Kind.PASSPORT, passport)]),
        (f"login user=u1&password={secret}&x=1", [(Kind.PASSWORD, secret)]),
        (f"Authorization: Bearer {jwt}", [(Kind.TOKEN, jwt)]),
        (f'"psn_name" : "{name}", "age": 30', [(Kind.NAME, name)]),
    ]  # fmt: skip
    return make.random.choice(lines)


def negative(make: Maker) -> str:
    """Return a line that holds nothing, but looks like it."""
    one, card, code, phone = make.id_card(), make.bank_card(), make.credit_code(), make.phone()
    typo = one[:17] + next(c for c in "0123456789" if c != one[17])
    bad_date = next(number for c in "0123456789X" if _looks(number := f"{one[:10]}1331{one[14:17]}{c}", one))
    bad_card = card[:-1] + str((int(card[-1]) + 3) % 10)
    bad_code = code[:-1] + next(c for c in _LETTERS if c != code[-1])
    stamp = f"2026{make.random.randrange(1, 13):02d}{make.random.randrange(1, 29):02d}10{make.digits(4)}"
    return make.random.choice(
        [
            f"流水号 {make.digits(3)}{one}{make.digits(4)} 已受理",
            f"msgid=H{make.digits(10)}{stamp}{make.digits(4)}",
            f"校验 {typo} 不通过",
            f"日期错 {bad_date}",
            f"卡 {bad_card} 无效",
            f"代码 {bad_code} 无效",
            f"订单 {stamp}{make.digits(4)} 与 {stamp} 与 17{make.digits(11)}",
            f"order={stamp}{make.digits(3)}; trace={uuid.UUID(int=make.random.getrandbits(128)).hex}",
            f"金额 0.{phone} 元，余额 {phone}.25",
            f"设备 IMEI {make.digits(15)} 序列 SN{one}",
            f"号段 {phone}{make.digits(1)} 与 {make.digits(1)}{phone}",
            "姓名：未知，姓名：不详，姓名 性别 年龄，密码：不能为空，password: ******，token=",
            f"诊断名称：高血压 @ 2 楼，icon@2x.png，a@b，https://u@host/x ver {make.digits(2)}.{make.digits(3)}",
            f"oid 1.2.156.{make.digits(11)}.1 mac 00-1B-44-11-3A-B7",
            f"{make.digits(4)} {make.digits(4)} {make.digits(4)} {make.digits(4)} {make.digits(4)}",
            make.random.choice(_SAY),
        ]
    )


def _looks(number: str, other: str) -> bool:
    return number != other and not is_id_card(number) and not is_bank_card(number)


def corpus(seed: int, lines: int = 20_000) -> Corpus:
    """Return a log of that many lines, a third of them with values."""
    make = Maker(seed)
    made = Corpus()
    for _ in range(lines):
        head = f"2026-11-22 10:{make.random.randrange(60):02d}:{make.random.randrange(60):02d}.{make.digits(3)} INFO "
        if make.random.random() < 1 / 3:
            text, truth = positive(make)
            made.truth += truth
        else:
            text = negative(make)
        made.lines.append(head + text)
    return made
