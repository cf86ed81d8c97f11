"""Whether the login page and what is typed into it are encrypted: shared by two questions."""

from __future__ import annotations

from dengbao.model import Criterion, Exchange
from dengbao.probes.web.facts import PlainSeen, WebLoginPage, WebPlain, WebSession
from dengbao.probes.web.facts_sent import WebPasswordSent

from . import proofs, web_sent

FACT = "web.login_page"
PLAIN_FACT = "web.plain"
_NOT_SEEN = {"timed_out": "时限内无应答", "out_of_scope": "不在授权范围", "unknown": "未能读取"}
_REFUSES = {"closed": "拒绝连接", "not_http": "不应答明文 HTTP", "to_https": "转到 https"}


def channel(
    login: WebLoginPage, plain: WebPlain | None, session: WebSession | None, sent: WebPasswordSent | None
) -> tuple[Criterion, ...]:
    """Return the criteria on the login page, on where passwords go, and on entries without encryption.

    Where no form was seen, the declared address counts only if a login by it worked.
    """
    worked = session is not None and session.login.accepted is True
    found = [_page(login, worked=worked), _submit(login, worked=worked)]
    found += web_sent.seen(sent) or [_not_in_url(login, worked=worked)]
    if plain is not None:
        found.extend(_plain(one) for one in plain.entries if one.answer not in _NOT_SEEN)
    return tuple(found)


def channel_proofs(
    login: WebLoginPage, plain: WebPlain | None, criteria: tuple[Criterion, ...]
) -> tuple[Exchange, ...]:
    """Return the requests by which a login without encryption can be seen again."""
    entries = {f"no_plain_entry:{one.port}": one for one in (plain.entries if plain is not None else ())}
    own = [one for one in criteria if one.name not in entries]
    action = login.form.action if login.form is not None else ""
    found = list(proofs.findings(own, lambda one: _request(one, login.page.path, action), at=login.page.at))
    for one in criteria:
        entry = entries.get(one.name)
        if entry is not None and one.met is False:
            request = f"GET http://（端口 {entry.port}）{entry.path}"
            found.append(Exchange(request=request, answer=one.measured, at=entry.at))
    return tuple(found)


def _request(one: Criterion, page: str, action: str) -> str:
    where = "" if one.name == "page_over_https" else f"（查看登录表单提交至 {action or '本页'}）"
    return f"GET {page}{where}"


def unseen(plain: WebPlain | None) -> str:
    """Return in Chinese which unencrypted entries were not seen, empty if all were."""
    if plain is None:
        return "明文 HTTP 入口未测"
    lacks = [f"{one.port} 端口{_NOT_SEEN[one.answer]}" for one in plain.entries if one.answer in _NOT_SEEN]
    return f"明文 HTTP 入口 {'、'.join(lacks)}" if lacks else ""


def sight(login: WebLoginPage, criteria: tuple[Criterion, ...]) -> str:
    """Return in Chinese what was seen."""
    return f"登录入口 {login.page.path}：" + "；".join(one.measured for one in criteria)


def _page(login: WebLoginPage, *, worked: bool) -> Criterion:
    page = login.page
    shown = page.answered and page.final_status is not None and page.final_status < 400
    usable = shown or (worked and login.style == "json")  # interfaces need no page of their own
    state = "" if usable else f"，但返回 {page.final_status}"
    # A page in clear is in clear whatever it answers; one that fails proves no encrypted login.
    met = False if login.page_scheme == "http" else (True if usable else None)
    return Criterion(
        name="page_over_https",
        question="登录页是否经 HTTPS 提供",
        met=met,
        measured=f"登录页经 {login.page_scheme} 提供{state}",
        fact=FACT,
        decisive=True,
    )


def _submit(login: WebLoginPage, *, worked: bool) -> Criterion:
    schemes = {login.submit_scheme}
    if login.form is not None and login.form.action_scheme:
        schemes.add(login.form.action_scheme)
    seen = login.form is not None or worked
    doubt = "" if seen else "（按登记的地址，未见登录表单，也未能登录验证）"
    return Criterion(
        name="submit_over_https",
        question="口令是否经 HTTPS 提交",
        met=False if schemes != {"https"} else (True if seen else None),
        measured=f"口令经 {'、'.join(sorted(schemes))} 提交{doubt}",
        fact=FACT,
        decisive=True,
    )


def _not_in_url(login: WebLoginPage, *, worked: bool) -> Criterion:
    """Judge by the form's method; without one a browser would put the fields into the address."""
    form = login.form
    scripted = bool(login.page.scripts)
    met: bool | None
    if worked and (form is None or login.style == "json"):
        met, measured = True, "以登记的接口 POST 登录成功"
    elif form is None:
        met, measured = None, "未见登录表单，口令提交方式未能确认"
    elif form.method == "post":
        met, measured = True, "口令以 POST 提交"
    elif form.method == "get" or not scripted:
        met, measured = False, "登录表单以 GET 提交，口令会写入网址与访问日志"
    else:
        met, measured = None, "登录表单未写提交方式，由页面脚本提交"
    return Criterion(
        name="not_in_url", question="口令是否不出现在网址中", met=met, measured=measured, fact=FACT
    )


def _plain(entry: PlainSeen) -> Criterion:
    if entry.answer in _REFUSES:
        met: bool | None = True
        measured = f"{entry.port} 端口{_REFUSES[entry.answer]}"
    elif entry.password_field:
        met, measured = False, f"{entry.port} 端口以明文 HTTP 提供登录页"
    else:
        failed = entry.status is not None and entry.status >= 400
        met = True if failed or not entry.scripts else None
        measured = f"{entry.port} 端口以明文 HTTP 应答 {entry.status}，未见登录表单"
    return Criterion(
        name=f"no_plain_entry:{entry.port}",
        question=f"{entry.port} 端口是否不以明文提供登录页",
        met=met,
        measured=measured,
        fact=PLAIN_FACT,
        decisive=True,
    )
