"""Criteria on what lies open in files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.data.facts import Found, ScannedPlace

from .hosts import ask

_FACT: Final = "data.scan"
_ZH: Final = {
    "id_card": "公民身份号码", "id_card_15": "15位身份证号", "phone": "手机号", "bank_card": "银行卡号",
    "social_card": "医保（社保）卡号", "passport": "护照号", "name": "姓名", "password": "明文口令",
    "password_other": "无法辨认形态的口令", "token": "令牌",
}  # fmt: skip
_PERSONAL: Final = ("id_card", "id_card_15", "bank_card", "social_card", "passport", "phone", "name")
_SECRET: Final = ("password", "password_other", "token")
# A serial number of 18 digits passes region, date and check digit once in forty thousand. Three different
# id numbers are no accident, and in a large text no fewer than twice what serial numbers alone could give.
_SURE: Final = 3
_TABLES: Final = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_FAILING: Final = 3  # of serials that begin with region and date ten fail for each that holds
_BY_CHANCE_PER_BYTE: Final = 2 * 2.4e-5 / 19
# 第三、四位: of all codes of counties and above that the Ministry of Civil Affairs published for 1981 to 2024
# (民政部 中华人民共和国县以上行政区划代码, as collected in github.com/yescallop/areacodes) none has these.
_CITIES_NEVER_GIVEN: Final = tuple(str(number) for number in range(91, 100))
# Words that stand in no person's name: a name that holds one was made up.
_NOBODYS: Final = ("测试", "虚构", "模拟", "样例", "示例", "演示", "假名")


def unreadable(place: ScannedPlace) -> Criterion:
    """Return whether nothing in a place can be read that must be kept secret.

    Proven wrong by id numbers that are no accident, or by passwords in a column so called; proven right
    only where everything was read and nothing was found.
    """
    found = _of(place, (*_PERSONAL, *_SECRET))
    met = _clean(place, found)
    if any(_sure(one, place) for one in found):
        met = False
    return ask(
        _at(place),
        f"{_called(place)}是否未以明文存放个人信息与口令",
        met,
        _seen(place, found),
        _FACT,
        decisive=True,
    )


def nobodys(place: ScannedPlace) -> Criterion:
    """Return whether a place of a test environment holds no personal data of real people.

    A valid check digit does not tell a real number from a made-up one, however many there are: found
    identifiers decide only together with what the engagement declares. Declared as data of production and
    readable: wrong. Right only where all that is found shows by itself that nobody has it, as a document says
    it must: numbers of a region that was never given, names that hold a word no name has.
    """
    found = _of(place, _PERSONAL)
    met = _clean(place, found)
    seen = _seen(place, found)
    if found and place.origin == "production":
        met = False if any(_sure(one, place) for one in found) else None
        seen += "，登记为来自生产环境的原始数据"
    elif found and place.origin == "synthetic":
        met, why = _made_up(place, found)
        seen += f"，登记为虚构数据，{why}"
    elif found:
        told = "登记为脱敏数据" if place.origin == "masked" else "未登记数据来源"
        seen += f"，{told}，校验位有效不能区分真实与虚构"
    return ask(_at(place), f"{_called(place)}是否不含真实人员的个人信息", met, seen, _FACT, decisive=True)


def _of(place: ScannedPlace, kinds: Iterable[str]) -> list[Found]:
    known = {one.kind: one for one in place.found if one.count}
    return [known[kind] for kind in kinds if kind in known]


def _clean(place: ScannedPlace, found: list[Found]) -> bool | None:
    return True if place.files and place.text_bytes and not (found or place.unread_count) else None


def _sure(found: Found, place: ScannedPlace) -> bool:
    if found.kind == "id_card":
        return not _serials(place) and found.distinct >= _SURE + int(place.text_bytes * _BY_CHANCE_PER_BYTE)
    return found.kind == "password" and _are_stored(found)


def _are_stored(found: Found) -> bool:
    """Tell whether passwords stand in a table, or under so many keys that they are no example of a manual."""
    in_table = any(one.column and (one.table or one.file.lower().endswith(_TABLES)) for one in found.at)
    return in_table or (found.in_columns >= _SURE and found.distinct >= _SURE)


def _serials(place: ScannedPlace) -> bool:
    """Tell whether so many numbers alike fail their check digit that those which hold it may be serials."""
    held, failed = place.alike_held, place.alike_failed
    return held is not None and failed is not None and failed > _FAILING * held


def _made_up(place: ScannedPlace, found: list[Found]) -> tuple[bool | None, str]:
    """Return whether the declared recipe proves that nobody is meant, and what speaks for or against."""
    against = _against(place, found)
    if against:
        return None, against
    kinds = {one.kind for one in found}
    proofs = []
    if kinds - {"name"}:
        regions = "、".join(place.regions)
        proofs.append(f"号码的地区码均为 {regions}，未见于民政部 1981 年以来公布的县以上行政区划代码")
    if "name" in kinds:
        proofs.append(f"姓名均含“{place.marker}”")
    return True, f"与 {place.document} 约定的一致：" + "，".join(proofs)


def _against(place: ScannedPlace, found: list[Found]) -> str:
    """Return why the recipe proves nothing, empty where it does."""
    kinds = {one.kind for one in found}
    others = [one for one in found if one.kind not in ("id_card", "id_card_15", "name")]
    doubts = (
        *(_against_numbers(place) if kinds & {"id_card", "id_card_15"} else ()),
        *(_against_names(place) if "name" in kinds else ()),
        (others, f"但{_names(others)}是否虚构不能由程序区分"),
        (not place.document, "但未登记约定号段或姓名标记的文件（document）"),
        (place.unread_count, "已读部分与约定的一致"),
    )
    return next((why for doubt, why in doubts if doubt), "")


def _against_numbers(place: ScannedPlace) -> Iterable[tuple[object, str]]:
    regions = "、".join(place.regions)
    real = [one for one in place.regions if one[2:4] not in _CITIES_NEVER_GIVEN]
    return (
        (not place.regions, "未登记号码生成规则（regions），不能核对"),
        (real, f"但地区码 {'、'.join(real)} 可能属于真实人员"),
        (place.outside_regions != 0, f"但有 {place.outside_regions} 个号码不以登记的地区码 {regions} 开头"),
    )


def _against_names(place: ScannedPlace) -> Iterable[tuple[object, str]]:
    return (
        (not place.marker, "未登记虚构姓名的标记（marker），不能排除真实姓名配以虚构号码"),
        (
            place.marker not in _NOBODYS,
            f"但标记“{place.marker}”可能是真实姓名的一部分（可用{'、'.join(_NOBODYS)}）",
        ),
        (place.unmarked != 0, f"但有 {place.unmarked} 个姓名不含登记的标记“{place.marker}”"),
    )


def _names(found: list[Found]) -> str:
    return "、".join(_ZH[one.kind] for one in found)


def _called(place: ScannedPlace) -> str:
    return f"{_at(place)}（{place.what}）" if place.what else _at(place)


def _at(place: ScannedPlace) -> str:
    return f"{place.host}:{place.path}" if place.host else place.path


def _seen(place: ScannedPlace, found: list[Found]) -> str:
    told = f"{_called(place)}扫描 {place.files} 个文件、{place.text_bytes / 1e6:.3g} MB 文本，"
    told += "发现" + "、".join(_counted(one) for one in found) if found else "未发现明文个人信息与口令"
    if _serials(place) and any(one.kind == "id_card" for one in found):
        told += f"；同形号码另有 {place.alike_failed} 个校验位不符，可能是流水号"
    if place.unread_count:
        first = place.unread[0] if place.unread else None
        where = (
            f"（如 {first.file}{'!' + first.member if first.member else ''}：{first.reason}）"
            if first
            else ""
        )
        told += f"；{place.unread_count} 处未能读取{where}"
    return told


def _counted(found: Found) -> str:
    about = "" if found.exact else "约"
    told = f"{_ZH[found.kind]} {found.count} 个（不同 {about}{found.distinct} 个"
    if found.at:
        most = found.at[0]
        where = "!".join(one for one in (most.file, most.member) if one)
        column = ".".join(one for one in (most.table, most.column) if one)
        told += f"，如 {where}{' ' + column if column else ''}"
        told += f" {most.samples[0]}" if most.samples else ""
    return told + "）"
