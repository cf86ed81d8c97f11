"""Has schemathesis ask the GET operations of the declared OpenAPI document, through our guard."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec

from ...errors import NotDeclared, ProbeError, ProbeIncapable, ProtocolMismatch, TimedOut
from ...model import Asset, Level, WebAsset
from ..base import Context, Observed, Purpose
from ..process import started_engine
from .browser import Browser, clean_url, opened
from .entering import Entered, as_web, enter
from .facts_openapi import OperationSeen, WebApi
from .forward import Forward
from .leaving import leave
from .login import turn
from .pages import describe
from .reading import read

PURPOSE: Final = Purpose(Level.INTRUDE, "按接口描述发送合规与不合规的查询", "4.d.2")
MOST_OPERATIONS: Final = 60
MOST_S: Final = 120
EXAMPLES: Final = 15
MOST_PER_S: Final = 20
_LEFT_ALONE: Final = re.compile(
    r"log-?out|log-?off|sign-?out|delet|remov|destroy|cancel|export|download|backup|restore|reset|shutdown"
    r"|退出|删除|撤销|导出|下载",
    re.IGNORECASE,
)
_DENIED: Final = (401, 403, 407, 429)
_REPORT: Final = "report.ndjson"


async def probe(asset: Asset, context: Context) -> Observed:
    """Ask each GET operation with right and wrong parameters, by schemathesis.

    Sends: one login; the document; through the guard at most 15 made-up examples of each of at most 60 GET
        operations, and the bounds of their values, 20 a second, for at most 120 s; no other method; a logout.
    Changes: one session begins and ends; what the application does at a GET.
    Level: intrude.

    Raises:
        ProbeIncapable: schemathesis is not installed.
        NotDeclared, LoginRefused, NoPermission, NotSupported, Unclear and what a visit raises.

    """
    web = as_web(asset)
    program = context.engines.get("schemathesis", "")
    if not program:
        raise ProbeIncapable(
            "缺少检测程序 schemathesis，未能按接口描述测试",
            cure="执行 make engines，或运行离线包内 install.sh 安装 schemathesis",
        )
    async with turn(web), opened(web, context, probe="web.api") as browser:
        entered = await enter(browser, web, context) if web.login is not None else None
        visitor = (entered.visitor if entered is not None else browser.fork()).intruding(PURPOSE)
        facts = await _ask(web, context, visitor, entered, program)
        if entered is not None:
            await leave(entered.visitor, web)
    return Observed((facts,), privilege=f"账户角色 {facts.role}" if facts.role else "未登录")


async def _ask(
    web: WebAsset, context: Context, visitor: Browser, entered: Entered | None, program: str
) -> WebApi:
    path = web.app.openapi if web.app is not None else ""
    chain = await visitor.visit(path)
    document = chain.last.document.data
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise NotDeclared(
            f"{clean_url(path)} 不是 JSON 格式的 OpenAPI 文档（返回 {chain.last.status}）",
            cure="登记返回 JSON 的 app.openapi 地址",
        )
    kept, left_out = reduced(document)
    if not kept["paths"]:
        raise NotDeclared("接口描述中没有可以查询的 GET 接口", cure="以登记的录入表单测试其他接口")
    base = _base(visitor, chain.last.url, document)
    with tempfile.TemporaryDirectory(prefix="dengbao-") as folder:
        tries = await _run(web, context, visitor, program, _Order(Path(folder), kept, base))
    account = web.find_account(web.login.account) if web.login is not None else None
    return WebApi(
        document=clean_url(chain.first.url), role=account.role if account is not None else "",
        engine=tries.version, operations=tuple(tries.operations()), left_out=tuple(left_out),
        alive=await _alive(entered),
    )  # fmt: skip


async def _alive(entered: Entered | None) -> bool | None:
    """Tell whether the session still opens a page that it opened before."""
    if entered is None:
        return None
    opened_before = [path for path, one in entered.during.seen.items() if one.reached]
    if not opened_before:
        return None
    try:
        chain = await entered.visitor.visit(opened_before[0])
    except ProbeError:
        return None
    return describe(opened_before[0], chain, entered.compare).reached


def reduced(document: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Return a description of nothing but harmless GET operations, and the names of the others."""
    kept: dict[str, object] = {}
    left: list[str] = []
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        operations = item if isinstance(item, dict) else {}
        get = operations.get("get")
        named = f"{path} {get.get('operationId', '')}" if isinstance(get, dict) else ""
        others = [f"{one.upper()} {path}" for one in operations if one in _METHODS]
        if named and not _LEFT_ALONE.search(named) and len(kept) < MOST_OPERATIONS:
            shared = operations.get("parameters")
            kept[path] = {"get": get, **({"parameters": shared} if shared else {})}
            left.extend(others)
        else:
            left.extend([f"GET {path}"] * bool(named) + others)
    apart = ("paths", "servers", "host", "basePath", "schemes", "webhooks")
    return {**{key: one for key, one in document.items() if key not in apart}, "paths": kept}, left


_METHODS: Final = ("post", "put", "patch", "delete", "options", "head", "trace")


def _base(visitor: Browser, url: httpx.URL, document: Mapping[str, object]) -> str:
    """Return the address that the paths continue: of the application itself, whatever server is named."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    named = first.get("url") if isinstance(first, dict) else document.get("basePath")
    path = url.join(named).path if isinstance(named, str) and "{" not in named else "/"
    return str(visitor.base.copy_with(path=path, query=None)).rstrip("/")


@dataclass(frozen=True)
class _Order:
    """What schemathesis is given, in a folder of its own."""

    folder: Path
    document: Mapping[str, object]
    base: str

    def write(self, headers: Mapping[str, str]) -> None:
        """Write the description, and the session where no list of processes shows it."""
        (self.folder / "openapi.json").write_text(json.dumps(self.document), encoding="utf-8")
        lines = [f"{json.dumps(name)} = {json.dumps(text)}" for name, text in headers.items()]
        # The description must not bring the engine to methods that nobody asked it for.
        text = "\n".join(["[headers]", *lines, "[phases.coverage]", "unexpected-methods = []", ""])
        config = self.folder / "schemathesis.toml"
        config.touch(mode=0o600)
        config.write_text(text, encoding="utf-8")


async def _run(web: WebAsset, context: Context, visitor: Browser, program: str, order: _Order) -> Tries:
    request = httpx.URL(order.base + "/")
    headers = {"Cookie": cookies} if (cookies := visitor.jar.header(request)) else {}
    if visitor.token:
        name = visitor.token_header
        headers[name or "Authorization"] = visitor.token if name else f"Bearer {visitor.token}"
    await asyncio.to_thread(order.write, headers)
    per_s = max(1, int(min(MOST_PER_S, context.guard.scope.connections_per_s)))

    def heard(place: str) -> None:
        context.announce(PURPOSE, f"schemathesis 连接 {place}")

    async with Forward(context.guard, web.id, "web.api", heard=heard) as forward:
        command = [
            program, "run", "openapi.json", "--url", order.base, "--proxy", f"http://127.0.0.1:{forward.port}",
            "--checks", "not_a_server_error,negative_data_rejection", "--phases", "examples,coverage,fuzzing",
            "--include-method", "GET", "--workers", "1",
            "--max-examples", str(EXAMPLES), "--rate-limit", f"{per_s}/s", "--request-timeout", "10",
            "--continue-on-failure", "--generation-database", "none", "--report", "ndjson",
            "--report-ndjson-path", _REPORT, "--no-color",
        ]  # fmt: skip
        if web.ca_file:
            command += ["--tls-verify", web.ca_file]
        async with started_engine("schemathesis", command, folder=order.folder, takes_order=False) as engine:
            with contextlib.suppress(TimedOut):  # what it wrote until then holds
                await engine.finish(deadline_s=MOST_S)
    return await asyncio.to_thread(_read, order.folder / _REPORT)


def _read(report: Path) -> Tries:
    """Return what a report says; a line that was cut off ends it.

    Raises:
        ProtocolMismatch: there is none, or it cannot be read.

    """
    found = Tries()
    if report.is_file():
        with report.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    found.take(line)
    if not found.version:
        raise ProtocolMismatch("schemathesis 未写出结果", cure="核对接口描述；或以人工佐证补充")
    return found


@dataclass
class Tries:
    """What the report's lines say, by operation; values of requests and answers are passed over."""

    version: str = ""
    seen: dict[str, OperationSeen] = field(default_factory=dict)

    def operations(self) -> Iterator[OperationSeen]:
        """Yield what was seen of each operation, by name."""
        yield from (self.seen[name] for name in sorted(self.seen))

    def take(self, line: bytes) -> None:
        """Take up one line of the report.

        Raises:
            ProtocolMismatch: it cannot be read.

        """
        try:
            event = json.loads(line)
        except ValueError as exc:
            raise ProtocolMismatch("schemathesis 的结果无法解析", cure="以人工佐证补充") from exc
        start = _inner(event, "Initialize")
        self.version = self.version or str(start.get("schemathesis_version", ""))
        recorder = _inner(_inner(event, "ScenarioFinished"), "recorder")
        for case, exchange in _inner(recorder, "interactions").items():
            value = _inner(_inner(_inner(recorder, "cases"), case), "value")
            mode = _inner(_inner(value, "meta"), "generation").get("mode")
            failed = {
                str(one.get("name"))
                for one in _listed(_inner(recorder, "checks").get(case))
                if one.get("status") == "failure"
            }
            self._note(str(recorder.get("label", "")), exchange, mode == "negative", failed)

    def _note(self, name: str, exchange: object, wrong: bool, failed: set[str]) -> None:
        answer = _inner(exchange, "response")
        status = answer.get("status_code")
        if not name or not isinstance(status, int):
            return
        one = self.seen.get(name) or OperationSeen(name=name, sent=0)
        broken = "not_a_server_error" in failed
        good = 200 <= status < 300 and not _says_no(answer)
        taken = "negative_data_rejection" in failed and good
        counted = {
            "sent": True, "server_errors": broken, "wrong_accepted": taken, "denied": status in _DENIED,
            "accepted": not wrong and good,
            "refused": wrong and _refuses(status, good=good),
        }  # fmt: skip
        changes: dict[str, object] = {key: getattr(one, key) + int(now) for key, now in counted.items()}
        if (broken or taken) and (not one.example or (broken and (one.status or 0) < 500)):
            uri = str(_inner(exchange, "request").get("uri", ""))
            stamp = exchange.get("timestamp") if isinstance(exchange, dict) else None
            at = datetime.fromtimestamp(stamp, UTC) if isinstance(stamp, int | float) else None
            changes |= {"example": f"GET {_masked(uri, name)}", "status": status, "at": at}
        self.seen[name] = msgspec.structs.replace(one, **changes)


def _refuses(status: int, *, good: bool) -> bool:
    return (200 <= status < 300 and not good) or (400 <= status < 500 and status not in _DENIED)


def _says_no(answer: Mapping[str, object]) -> bool:
    """Tell whether an answer of 2xx calls itself an error, or asks for a login."""
    text = _inner(answer, "content").get("$base64")
    kinds = _inner(answer, "headers").get("content-type")
    try:
        body = base64.b64decode(text) if isinstance(text, str) else b""
    except binascii.Error:
        return False
    document = read(body, str(kinds[0]) if isinstance(kinds, list) and kinds else "")
    return document.json_error is True or bool(document.login_words)


def _masked(uri: str, name: str) -> str:
    """Return the operation's own path with the names of what was asked; values are made up and left out."""
    query = clean_url(uri).partition("?")[2]
    path = name.partition(" ")[2]
    return f"{path}?{query}"[:200] if query else path


def _inner(data: object, key: str) -> dict[str, object]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def _listed(data: object) -> list[dict[str, object]]:
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
