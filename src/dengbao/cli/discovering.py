"""discover."""

from __future__ import annotations

from pathlib import Path

import click

from ..discovery.run import Wish
from ..discovery.run import discover as discover_room
from ..errors import UsageError
from ..files import write_whole
from .chinese import Argument, Command
from .console import console, say, verbatim
from .values import existing_folder, file


@click.command(
    cls=Command,
    help="起草业务应用系统的 YAML：登录表单、字段、防伪字段、验证码、会话 Cookie、接口文档、要求登录的页面。"
    "\n\n以未登录的访客身份只发 GET，至多 60 次。给出 --engagement 时按其授权范围；"
    "不给时只连接所写网址的主机与端口。"
    "结果须由工程师核对后并入 engagement.yaml。",
    epilog="dengbao discover https://192.0.2.10:8443/\n"
    "dengbao discover https://192.0.2.10/ --engagement my-hospital -o his-web.yaml\n"
    "dengbao discover http://192.0.2.10/ --browser",
)
@click.argument("url", metavar="网址", cls=Argument, help="应用的首页或登录页，http:// 或 https://")
@click.option(
    "--engagement", type=existing_folder, metavar="目录", help="项目目录：授权范围、时段与级别以它为准"
)
@click.option("--browser", is_flag=True, help="由 Chromium 打开页面：登录页由脚本生成时用")
@click.option(
    "--try-wrong",
    is_flag=True,
    help="以不存在的用户名试登一次，看失败时的提示（intrude 级，须 --engagement）",
)
@click.option("-o", "--output", type=file, metavar="文件", help="写入文件；已有的不覆盖")
@click.option("--force", is_flag=True, help="覆盖已有的输出文件")
def discover(
    url: str, engagement: Path | None, browser: bool, try_wrong: bool, output: Path | None, force: bool
) -> int:
    """Write the draft to a file or to standard output."""
    if output is not None and not force and (output.exists() or output.is_symlink()):
        raise UsageError("文件已存在，不覆盖", where=str(output), cure="换一个文件名，或加 --force")
    told = console(stderr=True)
    wish = Wish(url=url, engagement=engagement, browser=browser, try_wrong=try_wrong)
    text = discover_room(wish, lambda line: say(told, line))
    if output is None:
        verbatim(console(), text.rstrip("\n"))
        return 0
    write_whole(output, text.encode())
    say(told, f"已写入 {output}：逐项核对后并入 engagement.yaml")
    return 0
