"""Writes what was found as YAML that the engineer corrects; what a page says is quoted, never trusted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from .findings import Found, LoginForm, Tried

MAX_LINES: Final = 60
_CHECK: Final = "# 请核对"
_PLAIN: Final = re.compile(r"/[A-Za-z0-9_./-]*|[A-Za-z][A-Za-z0-9_-]*")
_WORDS: Final = re.compile(r"(?:true|false|yes|no|on|off|null|y|n)", re.IGNORECASE)
_ERRORS: Final = re.compile(
    r"错误|不正确|有误|失败|不存在|不匹配|invalid|incorrect|wrong|fail|error", re.IGNORECASE
)
_ID: Final = re.compile(r"[A-Za-z0-9]+")


def draft(found: Found) -> str:
    """Return the draft: one web asset below `assets:`, at most 60 lines, each doubtful one marked."""
    lines = [*_head(found), *_asset(found)]
    if len(lines) > MAX_LINES:
        lines = [one for one in lines if not one.lstrip().startswith("#?")]
    return (
        "\n".join(
            one.replace("#?", "#", 1) if one.lstrip().startswith("#?") else one for one in lines[:MAX_LINES]
        )
        + "\n"
    )


def clean(text: str, most: int = 80) -> str:
    """Return text of a page without line breaks, control and direction characters, cut to `most`."""
    return " ".join("".join(one if one.isprintable() else " " for one in text[: most * 4]).split())[:most]


def scalar(text: str, most: int = 200) -> str:
    """Return text as one YAML scalar that cannot end early or mean anything else."""
    given = "".join(one for one in text[:most] if one.isprintable())
    if _PLAIN.fullmatch(given) and not _WORDS.fullmatch(given):
        return given
    return json.dumps(given, ensure_ascii=False)


def _head(found: Found) -> Iterator[str]:
    yield "# 由 dengbao discover 起草：以未登录的访客身份查看所得，逐项核对后并入 engagement.yaml 的 assets。"
    yield "# “请核对”为推断，“请填写”为登录前看不到的；未列出的不等于没有。"
    for one in found.notes[:4]:
        yield f"# 注意：{clean(one, 140)}"


def _asset(found: Found) -> Iterator[str]:
    yield "assets:"
    yield "  - kind: web"
    yield f"    id: {_identifier(found.url)}"
    yield f"    name: {scalar(clean(found.title) or '业务系统')}    {_CHECK}：页面标题"
    yield "    importance: key"
    yield f"    url: {json.dumps(clean(found.url, 300), ensure_ascii=False)}"
    if found.url.startswith("https:"):
        yield '    ca_file: ""    # 请填写：自建证书机构的根证书；用公共证书的留空（留空则不校验证书）'
    yield "    accounts:"
    yield '      - {id: tester, username: "请填写", secret: "${ENV:WEB_PASSWORD}", role: "请填写"}'
    yield '      # - {id: victim, username: "请填写", secret: "${ENV:WEB_VICTIM}", sacrificial: true}'
    yield from _login(found)
    yield from _session(found)
    yield from _pages(found)


def _identifier(url: str) -> str:
    host = re.sub(r"^[a-z]+://", "", url).partition("/")[0]
    parts = _ID.findall(host)
    return f"web-{'-'.join(parts)[:40]}" if parts else "web"


def _login(found: Found) -> Iterator[str]:
    form = found.form
    yield "    login:"
    if found.call is not None:
        yield from _call(found)
    elif found.basic:
        yield f"      path: {scalar(found.basic)}"
        yield f"      style: basic    {_CHECK}：页面脚本以 Basic 头提交口令"
    elif form is not None and form.named and form.method == "post":
        yield from _form(found, form)
    else:
        yield from _scripted(found, form)
    if found.captcha:
        told = "、".join(clean(one, 40) for one in found.captcha[:3])
        yield f"      # 发现验证码（{told}）：为测试账户免除，或在 fields 中登记固定值，"
        yield "      # 或写 style: browser 并以 dengbao run --assist 由人工登录一次"
    yield "      account: tester"
    yield from _markers(found)


def _form(found: Found, form: LoginForm) -> Iterator[str]:
    yield f"      page: {scalar(found.page)}"
    yield f"      path: {scalar(found.action or found.page)}"
    yield "      style: form"
    yield f"      username_field: {scalar(form.username)}    {_CHECK}"
    yield f"      password_field: {scalar(form.password)}"
    if form.csrf:
        yield f"      csrf_field: {scalar(form.csrf)}    # 防伪字段，每次从页面取得"
    rest = [one for one in form.hidden if one != form.csrf]
    if rest:
        yield f"      # 随表单提交的隐藏字段（自动带上）：{_names(rest)}"
    if form.submit is not None:
        name, value = form.submit
        yield f"      fields: {{{scalar(name)}: {_quoted(value)}}}    # 提交按钮"
    if form.others:
        yield f"      # 另有字段 {_names(form.others)}：必填的，在 fields 中写固定值"


def _call(found: Found) -> Iterator[str]:
    call = found.call
    if call is None:
        return
    yield "      # 以下为页面脚本的登录请求（经浏览器所见）；"
    yield f"      # 由浏览器登录的，改写 style: browser 与 path: {clean(found.page)}"
    yield f"      path: {scalar(call.path)}"
    yield f"      style: {call.style}"
    yield f"      username_field: {scalar(call.username_field)}    {_CHECK}"
    yield f"      password_field: {scalar(call.password_field)}"
    if call.fields:
        yield f"      # 另有字段 {_names(call.fields)}：必填的，在 fields 中写固定值"


def _scripted(found: Found, form: LoginForm | None) -> Iterator[str]:
    page = found.page or "/"
    if form is None:
        hint = "" if found.rendered else "；加 --browser 可由 Chromium 打开页面再找"
        yield f"      # 未找到登录表单{'，页面由脚本生成' if found.drawn else ''}{hint}"
    elif form.method != "post":
        yield "      # 表单以 GET 或由脚本提交，以浏览器登录"
    yield f"      path: {scalar(page)}    {_CHECK}：登录页面"
    yield "      style: browser    # 由 Chromium 登录；有登录接口的改写为 json，path 写接口地址"
    if form is not None and form.named:
        yield f"      username_field: {scalar(form.username)}"
        yield f"      password_field: {scalar(form.password)}"
    if found.login_paths:
        yield f"      # 脚本中像登录接口的地址：{_names(found.login_paths)}"


def _markers(found: Found) -> Iterator[str]:
    tried = found.tried
    yield "      # success: {status: 302}    # 请填写：登录成功的样子；protected 足以区分的可不填"
    failure = _failure(tried) if tried is not None else ""
    if failure:
        yield f"      failure: {failure}    # 以不存在的用户名试登一次所见"
    elif tried is not None and tried.problem:
        yield f"      # failure: 试登未得到结果：{clean(tried.problem)}"
    else:
        yield "      # failure: {status: 200, text: …}    # 请填写：登录失败的样子（--try-wrong 可试登一次）"
    if found.wordings and not failure:
        yield f"      # 页面与脚本中的提示语：{_names(found.wordings)}"


def _failure(tried: Tried) -> str:
    """Return the marker of a refused login: JSON code, or the wording that tells of an error."""
    parts = [f"status: {tried.status}"] if tried.status is not None else []
    if tried.json_key:
        parts += [f"json_key: {scalar(tried.json_key)}", f"json_value: {_quoted(tried.json_value)}"]
    else:
        telling = [one for one in tried.texts if _ERRORS.search(one)]
        if telling:
            parts.append(f"text: {_quoted(min(telling, key=len))}")
        elif tried.location:
            parts.append(f"location: {scalar(tried.location)}")
        else:
            return ""
    return "{" + ", ".join(parts) + "}"


def _quoted(text: str) -> str:
    return json.dumps(clean(text), ensure_ascii=False)


def _session(found: Found) -> Iterator[str]:
    if found.cookies:
        yield f"    #? 登录前的 Cookie：{'；'.join(clean(one, 70) for one in found.cookies)}"
    if found.token_hints:
        yield f"    #? 脚本中出现令牌头 {_names(found.token_hints)}：以令牌登录的，填 token_json_key"
    if found.logout:
        yield f"    logout: {scalar(found.logout)}    {_CHECK}"
    else:
        yield '    logout: ""    # 请填写：退出地址'
    yield f"    logout_method: {found.logout_method or 'GET'}    {_CHECK}"


def _pages(found: Found) -> Iterator[str]:
    if found.protected:
        yield "    protected:    # 未登录时要求登录的页面；请补上患者、结算、用户管理、审计等页面与接口"
        yield from (f"      - {scalar(one)}" for one in found.protected)
    else:
        yield "    protected: []    # 请填写：登录后才能访问的页面与接口"
    if found.public:
        yield f"    public:    {_CHECK}：未登录即可见的，确应公开的才留下"
        yield from (f"      - {scalar(one)}" for one in found.public)
    else:
        yield "    public: []"
    if found.openapi:
        yield f"    app: {{openapi: {scalar(found.openapi)}}}    # 接口文档，未登录即可取得"


def _names(names: Iterable[str]) -> str:
    return "、".join(clean(one, 60) for one in list(names)[:6])
