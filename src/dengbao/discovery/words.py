"""What addresses, field names and scripts give away; pure, every search bounded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import httpx

# Where logins commonly are; a script's router answers `#/login` itself, so it is no address to ask for.
LOGIN_PATHS: Final = (
    "/login", "/user/login", "/users/sign_in", "/signin", "/login.html", "/login.jsp", "/login.php",
    "/wp-login.php", "/accounts/login/", "/auth/login", "/admin/login/", "/index.php",
)  # fmt: skip
OPENAPI_PATHS: Final = (
    "/openapi.json", "/v3/api-docs", "/v2/api-docs", "/swagger.json", "/swagger/v1/swagger.json",
    "/api/openapi.json", "/api/swagger.json", "/api/v3/api-docs", "/api-docs",
)  # fmt: skip
_LOGIN_LINK: Final = re.compile(r"log_?-?in|sign_?-?in|auth(?!or)|denglu|登录|/sso|/cas\b", re.IGNORECASE)
_LOGOUT: Final = re.compile(r"log_?-?out|log_?-?off|sign_?-?out|loginout|tuichu|注销|退出", re.IGNORECASE)
# A GET should change nothing; what is called so might, and is left alone.
_HARMFUL: Final = re.compile(
    r"del(?:ete)?\b|remov|drop|destroy|clear|purge|reset|cancel|export|download|exit|quit|shutdown|restart"
    r"|reboot|stop\b|send|sms|mail|pay\b|submit|approve|revoke|disable|lock|unlock|install|upgrade|import"
    r"|sync|init|create|add\b|update|save|edit|write|upload|register|signup|logout|logoff|signout|captcha",
    re.IGNORECASE,
)
_STATIC: Final = re.compile(
    r"\.(?:js|mjs|css|map|png|jpe?g|gif|svg|ico|woff2?|ttf|eot|webp|pdf|zip|gz|docx?|xlsx?|apk|exe|mp4)$",
    re.IGNORECASE,
)
_API_IN_SCRIPT: Final = re.compile(
    r"""["'`]((?:/[a-z][\w-]{0,30})?/(?:api|rest|v\d{1,2}|prod-api|gateway)/[\w./-]{1,60})["'`]"""
)
_LOGIN_IN_SCRIPT: Final = re.compile(
    r"""["'`](/?[\w./-]{0,60}(?:log_?in|sign_?in|token)[\w./-]{0,20})["'`]"""
)
_WORDING: Final = re.compile(
    r"(?:用户名?|账[号户]|帐[号户]|工号|密码|口令|登录)[^\"'`<>\n\\。；;{}]{0,16}(?:错误|不正确|有误|不匹配|不存在|失败)"
    r"|(?:invalid|incorrect|wrong|bad)\s[\w ]{0,30}(?:password|credentials|username|login)"
    r"|(?:password|credentials|username|login)[\w ]{0,20}(?:incorrect|invalid|failed|wrong)",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"""["'`](Authorization|X-Access-Token|X-Auth-Token|X-Token|Admin-Token|satoken)["'`]|(Bearer )""",
    re.IGNORECASE,
)
_BASIC: Final = re.compile(r"""["'`]Basic ["'`]\s*\+|["'`]Basic \$\{""")
# By these a login page remembers where one came from; it is the same page without.
_WAY_BACK: Final = re.compile(
    r"next|redirect(?:_?to|_?url|_?uri)?|return_?(?:url|to|path)?|(?:back|from|continue|goto|ref)(?:_?url)?",
    re.IGNORECASE,
)
_CSRF_NAME: Final = re.compile(
    r"csrf|xsrf|__requestverificationtoken|authenticity_token|form_token|_token$|^token$|nonce|^execution$|^lt$",
    re.IGNORECASE,
)
_USER_NAME: Final = re.compile(
    r"user|login|account|logon|mail|^log$|^name$|^uid$|yhm|gonghao|工号|loginid", re.IGNORECASE
)


def is_login(text: str) -> bool:
    """Tell whether an address seems to lead to a login."""
    return bool(_LOGIN_LINK.search(text)) and not _LOGOUT.search(text)


def is_logout(text: str) -> bool:
    """Tell whether an address seems to end a session."""
    return bool(_LOGOUT.search(text))


def may_be_asked(path: str) -> bool:
    """Tell whether an address may be asked for by GET: a page or interface whose name does nothing."""
    bare = path.partition("?")[0]
    return not (_HARMFUL.search(path) or _STATIC.search(bare) or "{" in path or len(path) > 200)


def is_csrf(name: str) -> bool:
    """Tell whether a hidden field is called like a token against forged requests."""
    return bool(_CSRF_NAME.search(name))


def is_user_name(name: str) -> bool:
    """Tell whether a field is called like one for the account's name."""
    return bool(_USER_NAME.search(name))


def wordings(sources: Iterable[str]) -> tuple[str, ...]:
    """Return phrases of pages and scripts that tell of a failed login, at most five."""
    return _distinct((one.group(0) for text in sources for one in _WORDING.finditer(text)), 5)


def api_paths(sources: Iterable[str]) -> tuple[str, ...]:
    """Return addresses of interfaces that scripts name, at most twenty."""
    return _distinct((one.group(1) for text in sources for one in _API_IN_SCRIPT.finditer(text)), 20)


def login_calls(sources: Iterable[str]) -> tuple[str, ...]:
    """Return addresses that scripts may send a login to, at most five."""
    found = (one.group(1) for text in sources for one in _LOGIN_IN_SCRIPT.finditer(text))
    return _distinct((one for one in found if "/" in one and not _STATIC.search(one)), 5)


def token_hints(sources: Iterable[str]) -> tuple[str, ...]:
    """Return names of headers that scripts send a token in, at most three."""
    found = (one.group(1) or one.group(2) for text in sources for one in _TOKEN.finditer(text))
    return _distinct((one.strip() for one in found), 3)


def sends_basic(sources: Iterable[str]) -> bool:
    """Tell whether a script makes a Basic header of name and password."""
    return any(_BASIC.search(text) for text in sources)


def without_way_back(url: httpx.URL) -> httpx.URL:
    """Return an address without the parameters that tell where to go after the login."""
    kept = [(key, value) for key, value in url.params.multi_items() if not _WAY_BACK.fullmatch(key)]
    if len(kept) == len(url.params.multi_items()):
        return url
    return url.copy_with(params=kept) if kept else url.copy_with(query=None)


def _distinct(found: Iterable[str], most: int) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for one in found:
        kept[one] = None
        if len(kept) >= most:
            break
    return tuple(kept)
