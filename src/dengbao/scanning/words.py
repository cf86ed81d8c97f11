"""Which names of columns and labels tell what stands behind them."""

from __future__ import annotations

import re
from typing import Final

from .kinds import Kind

# 常见姓氏 of 《百家姓》 and the census of 2020; a word behind 姓名 that begins otherwise is no name.
SURNAMES: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖萧田董袁潘蔡蒋余于杜叶程魏苏吕丁任"
    "卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付傅方邹熊白孟秦邱丘侯江尹薛闫阎段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔"
    "向常汤康易乔赖文洪殷庞樊施葛牛柯冷伍艾温纪俞章鲁倪毕耿聂齐安关焦岳欧左涂祝管祁柳舒骆梅项季盛包尚卜宁"
    "凌霍翟凡辛时柴翁桂申游阮古宫路邢华裴童解费成苗甘习兰曲冉蒲迟裘车单池褚卫计成戚郎窦云滕苑虞喻詹臧麻仇"
    "井甄党鲍植边晏卓司马诸葛上官欧阳夏侯皇甫尉迟公孙慕容令狐长孙宇文鲜于闻人东方赫连淳于太叔申屠马妥哈撒者纳丁"
)
_COMPOUND_NOT: Final = frozenset(
    {"未知", "不详", "姓名", "性别", "年龄", "身份证", "证件号", "高血压", "管理员"}
)
_HAN_NAME: Final = re.compile(r"[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff]{2,6}[·•][\u4e00-\u9fff]{2,8}")

# What a column of a table holds, by its name. The first that fits says it.
_COLUMNS: Final = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE))
    for kind, patterns in (
        (
            Kind.ID_CARD_15,
            (
                r"身份证(?:件)?(?:号码?)?",
                r"证件号码?",
                r"(?:id_?card|identity|cert(?:ificate)?)_?(?:no|num|number|code)?|id_?(?:no|num|number|code)",
                r"sfz\w*|zjhm?|(?:psn_)?certno",
            ),
        ),
        (
            Kind.PASSWORD,
            (
                r"(?:登录)?(?:口令|密码)",
                r"\w*passw(?:or)?d(?:_?hash)?",
                r"passwd|(?:\w+_)?pwd|kl|(?:user_)?mm",
            ),
        ),
        (
            Kind.NAME,
            (
                r"(?:患者|病人|参保人|联系人|人员|用户|员工|医生|家属|持卡人)?姓名",
                r"(?:(?:hz|br|lxr)_?)?xm",
                r"(?:patient|psn|real|full|contact|person|customer|doctor|nurse|staff|emp(?:loyee)?)_?name",
                r"(?:insured|cn|pat)_?name",
            ),
        ),
        (
            Kind.SOCIAL_CARD,
            (
                r"(?:医保|社保|社会保障)(?:个人)?(?:卡?号码?|编号|卡)",
                r"psn_no|(?:med|ins|social|si|ss|yb|sb)_?card_?(?:no|num|number)",
                r"[ys]bk?h|grbh",
            ),
        ),
        (Kind.PASSPORT, (r"护照(?:号码?)?", r"passport(?:_?(?:no|num|number))?")),
        (
            Kind.BANK_CARD,
            (r"银行(?:卡|账)号?", r"(?:bank_?)?(?:card|acct|account)_?(?:no|num|number)|yhkh|yhzh"),
        ),
        (
            Kind.TOKEN,
            (r"(?:access_?|refresh_?|auth_?|api_?)?(?:token|secret|key)", r"session_?(?:id|key)"),
        ),
    )
)
_PLAIN_NAME: Final = re.compile(r"(?:user_?)?name|mc|名称", re.IGNORECASE)
_OF_PEOPLE: Final = re.compile(
    r"(?:^|[_.])(?:patients?|persons?|peoples?|users?|staffs?|doctors?|hz|br|psn|ry|employees?)(?:_|$|\w*info)"
    r"|患者|病人|人员|员工",
    re.IGNORECASE,
)


def kind_of_column(column: str, table: str = "") -> Kind | None:
    """Return what a column called so holds; None where its name does not tell."""
    for kind, pattern in _COLUMNS:
        if pattern.fullmatch(column):
            return kind
    if _PLAIN_NAME.fullmatch(column) and _OF_PEOPLE.search(table):
        return Kind.NAME
    return None


def is_name(text: str) -> bool:
    """Tell whether `text`, which stands where a name belongs, is one in Chinese characters."""
    return text[:1] in SURNAMES and text not in _COMPOUND_NOT and _HAN_NAME.fullmatch(text) is not None
