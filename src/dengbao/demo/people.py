"""Fictitious staff and patients; every number is well formed and belongs to nobody."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

# No county has this code (64 is Ningxia, 9900 was never assigned), so no person has such an id.
FICTITIOUS_REGION: Final = "649900"
# 148 numbers are 13 digits long and sit in machines; one of 11 digits can not be dialled.
FICTITIOUS_PHONE: Final = "148"
# A right number of that county, for a form that is tried.
SAMPLE_ID: Final = "649900199001010014"
_SEED: Final = 20230825
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURNAMES: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_STEMS: Final = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES: Final = "子丑寅卯辰巳午未申酉戌亥"
INSURANCE_TYPES: Final = {"310": "职工基本医疗保险", "390": "城乡居民基本医疗保险"}
_DIAGNOSES: Final = ("上呼吸道感染", "原发性高血压", "2型糖尿病", "慢性胃炎", "腰椎间盘突出", "健康查体")
_DEPARTMENTS: Final = ("内科", "外科", "全科", "中医科")


class Role(StrEnum):
    """What a member of staff may do."""

    DOCTOR = "doctor"
    CASHIER = "cashier"
    SYSTEM_ADMIN = "system_admin"
    AUDITOR = "auditor"

    @property
    def zh(self) -> str:
        """Return the Chinese word shown on the pages."""
        return {
            "doctor": "医生",
            "cashier": "收费员",
            "system_admin": "系统管理员",
            "auditor": "安全审计员",
        }[self.value]


@dataclass(frozen=True)
class Staff:
    """A member of staff with an account of the hospital system."""

    username: str
    display_name: str
    role: Role


@dataclass(frozen=True)
class Visit:
    """One visit; `days_ago` keeps the data young whenever the demo runs. Money is in fen."""

    days_ago: int
    department: str
    diagnosis: str
    total_fen: int
    fund_fen: int


@dataclass(frozen=True)
class Patient:
    """A fictitious patient."""

    record_no: str
    name: str
    id_card: str
    phone: str
    insurance_type: str
    visits: tuple[Visit, ...]


TESTER: Final = Staff("jiance01", "联调测试账户", Role.DOCTOR)
# One more test account for each role: what each role may is tested by logging in as it.
TESTERS: Final = (
    TESTER,
    Staff("jiance02", "联调测试账户（收费）", Role.CASHIER),
    Staff("jiance03", "联调测试账户（系统管理）", Role.SYSTEM_ADMIN),
    Staff("jiance04", "联调测试账户（审计）", Role.AUDITOR),
    Staff("jiance05", "联调测试账户（锁定测试专用）", Role.DOCTOR),
)
STAFF: Final = (
    *TESTERS,
    Staff("ys001", "医生一", Role.DOCTOR),
    Staff("sf001", "收费员一", Role.CASHIER),
    Staff("xt001", "系统管理员一", Role.SYSTEM_ADMIN),
    Staff("sj001", "安全审计员一", Role.AUDITOR),
)
DEFAULT_ADMIN: Final = Staff("admin", "出厂管理员", Role.SYSTEM_ADMIN)


def staff_password(base: str, staff: Staff) -> str:
    """Return a staff member's password: test accounts have `base`, others `base-username`."""
    return base if staff in TESTERS else f"{base}-{staff.username}"


def check_digit(first17: str) -> str:
    """Return the 18th character of a citizen id number.

    Source: GB 11643-1999 (ISO 7064 MOD 11-2).
    """
    total = sum(int(digit) * weight for digit, weight in zip(first17, _WEIGHTS, strict=True))
    return "10X98765432"[total % 11]


def is_valid_id_card(text: str) -> bool:
    """Tell whether `text` has the shape, a real date and the right check digit of an id number."""
    if len(text) != 18 or not text[:17].isdecimal():
        return False
    try:
        date.fromisoformat(f"{text[6:10]}-{text[10:12]}-{text[12:14]}")
    except ValueError:
        return False
    return check_digit(text[:17]) == text[17].upper()


def patients(count: int = 48) -> tuple[Patient, ...]:
    """Return `count` fictitious patients; the same ones every time."""
    dice = random.Random(_SEED)  # noqa: S311 - made-up people need no secrecy, but the same face every time
    return tuple(_patient(number, dice) for number in range(1, count + 1))


def _patient(number: int, dice: random.Random) -> Patient:
    born = date(1945, 1, 1) + timedelta(days=dice.randrange(70 * 365))
    first17 = f"{FICTITIOUS_REGION}{born:%Y%m%d}{dice.randrange(1, 999):03d}"
    name = dice.choice(_SURNAMES) + _STEMS[number % 10] + _BRANCHES[number % 12]
    return Patient(
        record_no=f"MZ{number:06d}",
        name=name,
        id_card=first17 + check_digit(first17),
        phone=f"{FICTITIOUS_PHONE}{dice.randrange(10**8):08d}",
        insurance_type=dice.choice(tuple(INSURANCE_TYPES)),
        visits=tuple(_visit(dice) for _ in range(dice.randrange(1, 4))),
    )


def _visit(dice: random.Random) -> Visit:
    total = dice.randrange(2_000, 90_000)
    return Visit(
        days_ago=dice.randrange(1, 60),
        department=dice.choice(_DEPARTMENTS),
        diagnosis=dice.choice(_DIAGNOSES),
        total_fen=total,
        fund_fen=total * dice.randrange(50, 85) // 100,
    )


def mask_name(name: str) -> str:
    """Return the first character of a name and a star for each other one."""
    return name[:1] + "*" * (len(name) - 1)


def mask_id_card(number: str) -> str:
    """Return the first and last characters of an id number, the other sixteen starred."""
    return number[:1] + "*" * (len(number) - 2) + number[-1:]


def mask_phone(number: str) -> str:
    """Return the first three and last four digits of a phone number."""
    return f"{number[:3]}****{number[-4:]}"
