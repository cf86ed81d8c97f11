"""evidence accept, return, answer, withdraw, remark: what two people say of evidence, as on the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from rich.text import Text

from .. import catalog
from .. import evidence as evidence_room
from ..errors import UsageError
from ..evidence import Said
from ..evidence.remarks import about
from ..model import Evidence, Person, RemarkSort
from ..packet.lock import refuse_when_locked
from ..reviewing import speak
from . import options
from .chinese import Argument
from .console import console, paragraph, say
from .filing import evidence
from .values import person

_Command = TypeVar("_Command", bound=Callable[..., int])
_number = click.argument("evidence_id", metavar="编号", cls=Argument, help="如 EV-0001")


def _by(who: str) -> Callable[[_Command], _Command]:
    return click.option("--by", "speaker", type=person, required=True, metavar="姓名/单位", help=who)


def _speak(directory: Path, evidence_id: str, said: Said) -> Evidence:
    refuse_when_locked(directory)
    catalog.load_engagement(directory)
    record, _ = speak(directory, evidence_id, said)
    say(console(), f"{said.sort.zh} {record.id}：{said.by.name}（{said.by.org}）")
    return record


@evidence.command(
    "accept",
    help="第二人复核通过一份佐证；复核人不得是取证人，也不得是答复退回的人。\n\n"
    "佐证推翻自动判定的，须加 --overrules：复核人查看理由后同意，两人姓名都印入报告。",
    epilog="dengbao evidence accept my-hospital EV-0001 --by 李四/某某医院",
)
@options.directory
@_number
@_by("复核人")
@click.option("--note", default="", metavar="文字", help="复核意见，可不写")
@click.option("--overrules", is_flag=True, help="已查看理由，同意以此佐证推翻自动判定")
def accept(directory: Path, evidence_id: str, speaker: Person, note: str, overrules: bool) -> int:
    """Accept evidence as its second person."""
    _speak(directory, evidence_id, Said(RemarkSort.ACCEPT, speaker, note, overrules=overrules))
    return 0


def _spoken(
    name: str, sort: RemarkSort, told: str, example: str, *, by: str, why: str, then: str = ""
) -> None:
    """Add a command by which somebody says something of a record, and why.

    `told` is its help, `by` and `why` that of its options; `then` is told afterwards, with `{}` for the
    folder and the record.
    """

    @evidence.command(name, help=told, epilog=f"dengbao evidence {name} my-hospital EV-0001 --by {example}")
    @options.directory
    @_number
    @_by(by)
    @click.option("--why", required=True, metavar="文字", help=why)
    def command(directory: Path, evidence_id: str, speaker: Person, why: str) -> int:
        record = _speak(directory, evidence_id, Said(sort, speaker, why))
        if then:
            say(console(), then.format(f"{directory} {record.id}"))
        return 0


_spoken(
    "return", RemarkSort.RETURN,
    "退回一份佐证：写明缺什么。退回的不计入判定，也不能封存，直到答复后复核通过，或撤回。",
    "李四/某某医院 --why '截图没有时间'",
    by="退回的人，须不同于取证人", why="缺什么、为什么",
    then="待答复：dengbao evidence answer {} --by 姓名/单位 --why 文字",
)  # fmt: skip
_spoken(
    "answer", RemarkSort.ANSWER,
    "答复退回的佐证：说明或指明补充的佐证。答复后回到待复核，复核通过才计入判定。",
    "张三/某某科技 --why '已补拍，见 EV-0007'",
    by="答复人，须不同于退回的人", why="答复",
    then="待复核：dengbao evidence accept {} --by 姓名/单位",
)  # fmt: skip
_spoken(
    "withdraw", RemarkSort.WITHDRAW,
    "撤回一份佐证：不再计入判定，记录与意见保留并随封存，附件不随封存。不能恢复，须重新入库。\n\n"
    "判为不符合、部分符合的佐证，不能由取证人自己撤回。",
    "张三/某某科技 --why '取错了主机'",
    by="撤回的人", why="理由",
)  # fmt: skip


@evidence.command(
    "remark",
    help="给一份佐证写备注；不给 --text 时列出已有的意见。",
    epilog="dengbao evidence remark my-hospital EV-0001\n"
    "dengbao evidence remark my-hospital EV-0001 --by 李四/某某医院 --text '截图为二期系统'",
)
@options.directory
@_number
@click.option("--by", "speaker", type=person, metavar="姓名/单位", help="写备注的人")
@click.option("--text", default="", metavar="文字", help="备注")
def remark(directory: Path, evidence_id: str, speaker: Person | None, text: str) -> int:
    """Note something on evidence, or print what was said of it."""
    if text.strip():
        if speaker is None:
            raise UsageError("写备注须说明是谁", where="--by", cure="加 --by 姓名/单位")
        _speak(directory, evidence_id, Said(RemarkSort.NOTE, speaker, text))
        return 0
    catalog.load_engagement(directory)
    record = evidence_room.find(directory, evidence_id)
    out = console()
    remarks = about(evidence_room.load_remarks(directory), record.id)
    for one in remarks:
        lead = (
            f"{one.id}  {one.at.astimezone():%Y-%m-%d %H:%M}  {one.by.name}（{one.by.org}）  {one.sort.zh}  "
        )
        paragraph(out, Text(lead), one.text, indent=9)
    say(out, f"共 {len(remarks)} 条")
    return 0
