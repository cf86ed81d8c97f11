"""The fields of the engagement that are filled in as a form: title, place, how it is read and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..catalog.editing import Edit
from ..errors import UsageError
from ..yamlfile import Place, YamlValue, value_at
from .filled import Filled

_YES_NO: Final = (("true", "是"), ("false", "否"))
_MET: Final = (("", "未确认"), ("true", "满足"), ("false", "不满足"))
_LEVELS: Final = (
    ("observe", "observe 只看：读取、连接、握手"), ("login", "login 用登记的账户登录"),
    ("intrude", "intrude 侵入性：错误口令、无害载荷、越权访问"),
    ("disrupt", "disrupt 破坏性：锁定牺牲账户、尝试停止审计"),
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """A value of the file; `sort` is text, lines, number, choice, day or moment."""

    title: str
    place: Place
    sort: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    always: bool = False
    hint: str = ""

    @property
    def name(self) -> str:
        """Return the name of the form's field."""
        return ".".join(map(str, self.place))


@dataclass(frozen=True)
class Section:
    """Fields that are saved together."""

    key: str
    title: str
    fields: tuple[Field, ...]


def _contact(prefix: Place, of: str) -> tuple[Field, ...]:
    return (
        Field(f"{of}联系人", (*prefix, "contact", "name")),
        Field(f"{of}联系电话", (*prefix, "contact", "phone")),
    )


def _paper(key: str, title: str) -> tuple[Field, ...]:
    return (
        Field(
            f"{title}：文件", ("forms", "materials", key, "file"), hint="相对于项目目录，如 papers/拓扑图.pdf"
        ),
        Field(
            f"{title}：佐证编号", ("forms", "materials", key, "evidence"), hint="如 EV-0002；与文件填一样即可"
        ),
    )


# 附件二 信息系统接入具备条件, in its order.
CONDITIONS: Final = (
    "统一读卡环境的改造",
    "15 项标准编码的贯标",
    "编码涉及的页面展示",
    "所有接口的改造",
)


def _condition(key: str, number: int) -> tuple[Field, ...]:
    place: Place = ("forms", "access_conditions", key)
    title = f"条件 {number}：{CONDITIONS[number - 1]}"
    return (
        Field(title, (*place, "met"), "choice", _MET),
        Field(f"条件 {number} 的佐证编号", (*place, "evidence"), "lines", hint="每行一个，如 EV-0001"),
    )


SECTIONS: Final = (
    Section(
        "report", "报告",
        (
            Field("报告编号", ("report_number",)),
            Field("测试开始", ("period", 0), "day"),
            Field("测试结束", ("period", 1), "day"),
        ),
    ),
    Section(
        "institution", "定点医药机构（附件二第 1 部分）",
        (
            Field("名称", ("institution", "name"), always=True),
            Field("医保国家编码", ("institution", "code")),
            Field("地址", ("institution", "address")),
            Field(
                "类别", ("institution", "category"), "choice",
                (("hospital", "医疗机构"), ("clinic", "诊所"), ("pharmacy", "零售药店")),
            ),
            *_contact(("institution",), ""),
        ),
    ),
    Section(
        "system", "信息系统接入基本信息（附件二第 2 部分）",
        (
            Field("信息系统名称", ("system", "name"), always=True),
            Field("承建厂商", ("system", "vendor"), always=True),
            Field("版本", ("system", "version")),
            Field("部署方式", ("system", "deployment"), hint="如 本地部署、单机版、云药店"),
            Field(
                "申请类型", ("system", "application"), "choice",
                (("new", "新定点"), ("change", "更换系统")),
            ),
            *_contact(("system",), ""),
            Field("测试环境地址、端口", ("system", "test_environment"), "lines", hint="每行一个"),
            Field("生产环境地址、端口", ("system", "production_environment"), "lines", hint="绝不连接"),
        ),
    ),
    Section(
        "parties", "在报告上盖章的另外三方",
        (
            Field("属地医保局", ("parties", "local_bureau", "name"), always=True),
            *_contact(("parties", "local_bureau"), "属地医保局"),
            Field("医疗保障信息平台厂商", ("parties", "platform_vendor", "name"), always=True),
            *_contact(("parties", "platform_vendor"), "平台厂商"),
            Field("系统接入方", ("parties", "access_party", "name"), always=True),
            *_contact(("parties", "access_party"), "接入方"),
        ),
    ),
    Section(
        "scope", "授权范围",
        (
            Field("最高级别", ("scope", "level"), "choice", _LEVELS),
            Field("允许连接的地址", ("scope", "addresses"), "lines", hint="每行一个，如 192.0.2.0/24:443"),
            Field("绝不连接的地址", ("scope", "production"), "lines", hint="优先于上面，如生产环境"),
            Field("允许读取本机", ("scope", "local"), "choice", _YES_NO),
            Field(
                "授权时段开始", ("scope", "window", "begin"), "moment", hint="如 2026-03-02T08:30:00+08:00"
            ),
            Field("授权时段结束", ("scope", "window", "end"), "moment"),
            Field("授权人", ("scope", "authorised", "by", "name")),
            Field("授权人单位", ("scope", "authorised", "by", "org")),
            Field("授权人职务", ("scope", "authorised", "by", "role")),
            Field("授权文件", ("scope", "authorised", "document")),
            Field("授权日期", ("scope", "authorised", "at"), "day"),
            Field("每秒最多新建连接", ("scope", "connections_per_s"), "number"),
            Field("同时最多连接", ("scope", "connections_at_once"), "number"),
            Field("为超时最多等候（秒）", ("scope", "wait_s"), "number", hint="空闲会话、锁定时长；0 为不等"),
        ),
    ),
    Section(
        "forms", "申报材料与接入条件",
        (
            Field(
                "表单", ("forms", "edition"), "choice",
                (("ningxia-2023", "宁夏（附件一、二、四、五）"), ("tangshan", "唐山（安全管理协议）")),
            ),
            *_condition("card_reader", 1),
            *_condition("codes", 2),
            *_condition("code_pages", 3),
            *_condition("interfaces", 4),
            Field("安全责任人（附件一）", ("forms", "responsible", "name")),
            Field("安全责任人职务", ("forms", "responsible", "duty")),
            Field("安全责任人电话", ("forms", "responsible", "phone")),
            *_paper("certificate", "等保测评证书"),
            Field("证书编号", ("forms", "materials", "certificate", "number")),
            Field("证书等级", ("forms", "materials", "certificate", "level"), "number", hint="至少 3"),
            Field("证书有效期至", ("forms", "materials", "certificate", "valid_until"), "day"),
            *_paper("topology", "网络拓扑图"),
            *_paper("security_plan", "网络安全方案"),
            *_paper("commitment", "附件一（已盖章）"),
            *_paper("application", "附件二（已盖章）"),
        ),
    ),
)  # fmt: skip


def shown(tree: YamlValue, field: Field) -> str:
    """Return a value as its field holds it."""
    value = value_at(tree, field.place)
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def edits_of(section: Section, filled: Filled, tree: YamlValue) -> Iterator[Edit]:
    """Yield what was changed of a section; what was left as it is stays untouched in the file.

    Raises:
        UsageError: a field holds what it cannot mean, or is empty and may not be.

    """
    for field in section.fields:
        if field.name not in filled:
            continue
        text = filled.text(field.name, field.title, most=4000)
        if text == shown(tree, field).strip():
            continue
        if field.always and not text:
            raise UsageError(f"“{field.title}”不得为空", cure="填写后再保存")
        yield Edit(field.place, _read(field, text, value_at(tree, field.place)))


def _read(field: Field, text: str, before: YamlValue) -> YamlValue:
    if field.sort == "lines":
        return [one.strip() for one in text.splitlines() if one.strip()]
    if not text:
        # A text that stood there stays as an empty one; a key that was never there is not made.
        return "" if isinstance(before, str) and field.sort == "text" else None
    if field.sort == "choice" and {"true", "false"} >= {one for one, _ in field.choices if one}:
        return text == "true"
    if field.sort == "choice" and text not in {one for one, _ in field.choices}:
        raise UsageError(f"“{field.title}”没有这个选项", cure="重新选择")
    return _number(field, text) if field.sort == "number" else text


def _number(field: Field, text: str) -> int | float:
    try:
        return float(text) if "." in text else int(text)
    except ValueError as exc:
        raise UsageError(f"“{field.title}”应为数字", cure="改正后再保存") from exc
