"""seal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from ..model import Person
from ..rounds import load_round
from ..session import open_session
from . import options
from .chinese import Command
from .console import console, say, verbatim
from .keys import key_option, open_key
from .values import file, person


@click.command(
    cls=Command,
    help="封存一轮：报告与其依据的全部事实、记录、佐证装入一个 .zip，列出摘要并签名。\n\n"
    "封存前逐一检查，问题一次列全：缺项、无法判定、佐证过期或未复核、人员不足两人、事实损坏、改动未恢复、"
    "文件中的明文口令与个人信息、自写的注释、本机路径。只有个人信息可由两人查看后放行，记入封存记录。\n\n"
    "内容没有变化时再次封存，得到逐字节相同的包；有变化的另存一个，已有的不覆盖。"
    "退出码：3 尚有缺项；4 有其他问题。",
    epilog="dengbao seal my-hospital --by 张三/某某科技\n"
    "dengbao seal my-hospital --by 张三/某某科技 --key ~/.ssh/id_ed25519\n"
    "dengbao seal my-hospital --by 张三/某某科技 --allow evidence/EV-0003.yaml \\\n"
    "    --why 检测用的虚构号码 --agreed 李四/某某医院",
)
@options.directory
@click.option("--by", "who", type=person, required=True, metavar="姓名/单位", help="封存人")
@key_option
@options.round_number
@click.option("--out", type=file, metavar="文件", help="写到何处，缺省为项目目录的 out/")
@click.option(
    "--allow", "places", multiple=True, metavar="位置", help="放行此处的个人信息，照抄所列位置；可多次给出"
)
@click.option("--why", default="", metavar="理由", help="放行的理由；不写个人信息本身")
@click.option("--agreed", type=person, metavar="姓名/单位", help="同意放行的第二人，不得是封存人")
@options.content
def seal(
    directory: Path,
    who: Person,
    path: Path | None,
    number: int | None,
    out: Path | None,
    places: tuple[str, ...],
    why: str,
    agreed: Person | None,
    content: Path | None,
) -> int:
    """Seal a round."""
    from ..packet.alongside import notes  # noqa: PLC0415 - Word and cryptography, which no other command needs
    from ..packet.faults import Waiver  # noqa: PLC0415
    from ..packet.sealing import seal_folder  # noqa: PLC0415

    session = open_session(directory, content)
    chosen = load_round(directory, number)
    progress = console(stderr=True)
    done = seal_folder(
        session, chosen, by=who, key=open_key(path), out=out,
        waiver=Waiver(places=places, why=why, agreed=agreed), say=lambda text: say(progress, text),
    )  # fmt: skip
    shown = console()
    made = done.sealed
    verbatim(shown, f"封存包 {made.path}" + ("（内容未变，与上次逐字节相同）" if done.again else ""))
    verbatim(shown, f"摘要 sha256 {made.packet}")
    verbatim(shown, f"文件 sha256 {made.zip_sha256}")
    verbatim(shown, f"指纹 {made.seal.key}")
    for one in made.seal.allowed:
        say(shown, f"放行：{one.place}：{one.what}（{one.why}；{one.by.name}、{one.agreed.name}）")
    for told in notes(session, chosen, datetime.now().astimezone().date()):
        say(shown, f"提示：{told}")
    say(shown, "签名只证明封存之后内容未变，不是《电子签名法》所称的电子签名；指纹须另行告知收件人。")
    say(shown, "下一步：")
    verbatim(shown, f"  dengbao verify {made.path}")
    return 0
