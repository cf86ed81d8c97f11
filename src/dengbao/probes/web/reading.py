"""Reads what an answer says: text, forms, JSON envelope, phrases that ask for a login."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

MAX_LEAVES: Final = 5000
MAX_NESTING: Final = 10_000  # the parser's time grows with the square of the depth: 10 000 take 0.3 s
SOFT_REDIRECT_CHARS: Final = 200

_LOGIN_WORDS: Final = re.compile(
    r"未登录|没有登录|尚未登录|请先?登录|请您?先登录|重新登录|登录已?(?:过期|失效|超时)|会话已?(?:过期|失效|超时)"
    r"|未认证|认证失败|身份(?:验证|认证)失败|未授权|(?:token|令牌|凭证).{0,8}(?:无效|过期|失效|为空|缺失|错误)"
    r"|unauthori[sz]ed|unauthenticated|not logged in|log ?in required|please log ?in|sign in to"
    r"|(?:invalid|missing|expired) token|session expired|authentication (?:is )?required|not authenticated",
    re.IGNORECASE,
)
_LOCKED_WORDS: Final = re.compile(
    r"锁定|已锁|冻结|次数过多|次数超|过于频繁|请稍[后候]再?试|locked|too many|rate limit|try again later",
    re.IGNORECASE,
)
# "three attempts left, then the account will be locked" is no lock.
_LOCK_WARNING: Final = re.compile(
    r"(?:连续|累计|再|还有|还剩|剩余|还可|超过|达到)[^。；;\n]{0,24}(?:将|会|则|即)[^。；;\n]{0,8}(?:锁定|冻结)"
    r"|[^。；;\n]{0,24}(?:will|would) be locked|(?:before|until) [^.\n]{0,24}locked",
    re.IGNORECASE,
)
_CAPTCHA_WORDS: Final = re.compile(r"验证码|校验码|captcha|滑块|人机验证|verification code", re.IGNORECASE)
_CAPTCHA_NAMES: Final = re.compile(
    r"captcha|kaptcha|verif(?:y|ication)_?-?code|check_?code|valid(?:ate)?_?code|rand_?code|img_?code|^yzm$|^vcode$"
    r"|geetest|recaptcha|hcaptcha|turnstile|slide_?verif",
    re.IGNORECASE,
)
_ERROR_WORDS: Final = re.compile(
    r"Traceback \(most recent call last\)|\bat (?:[a-z_][\w$]*\.)+[\w$]+\([\w$]+\.java:\d+\)"
    r"|Whitelabel Error Page|ORA-\d{5}|SQLSTATE\[|You have an error in your SQL syntax"
    r"|Fatal error: .+ on line|System\.\w+Exception|Werkzeug Debugger|DEBUG = True"
)
_SCRIPT_REDIRECT: Final = re.compile(
    r"""\s*(?:alert\((?P<a>["'])[^"']*(?P=a)\);?\s*)?(?:(?:window|top|self|parent|document)\.)*location"""
    r"""(?:\.href\s*=|\.replace\(|\.assign\(|\s*=)\s*(?P<q>["'])(?P<to>[^"']+)(?P=q)\s*\)?\s*;?\s*""",
)
_ALERT: Final = re.compile(r"""alert\(\s*(["'])([^"']{1,200})\1\s*\)""")
_META_REFRESH: Final = re.compile(r"\s*\d+\s*[;,]\s*url\s*=\s*[\"']?(?P<to>[^\"']+)", re.IGNORECASE)
_META_CHARSET: Final = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_\-]+)", re.IGNORECASE)

_TAG: Final = re.compile(rb"<(/?)([A-Za-z][A-Za-z0-9]*)")
_FLAT_TAGS: Final = {
    b"p", b"li", b"td", b"th", b"tr", b"dd", b"dt", b"option", b"br", b"hr", b"img", b"input", b"meta",
    b"link", b"col", b"area", b"base", b"embed", b"source", b"track", b"wbr",
}  # fmt: skip
_CODE_KEYS: Final = ("code", "errcode", "errCode", "errorCode", "error_code", "resultCode", "ret", "status")
_MESSAGE_KEYS: Final = ("msg", "message", "error", "errmsg", "errMsg", "detail", "info", "error_description")
_DATA_KEYS: Final = ("data", "result", "rows", "list", "items", "records", "content", "output")
_WRAPPING_KEYS: Final = {
    *_CODE_KEYS, *_MESSAGE_KEYS, *_DATA_KEYS, "success", "ok", "timestamp", "time", "path", "traceId",
    "requestId", "trace_id", "request_id", "version",
}  # fmt: skip
_STATUS_WORDS: Final = {"ok", "success", "error", "fail", "failed", "failure"}
_LIMITING: Final = ("maxlength", "minlength", "pattern", "required", "min", "max")
_OK_CODES: Final = {"0", "00", "0000", "00000", "000000", "1", "200", "20000", "ok", "success", "true"}


@dataclass(frozen=True)
class Field:
    """One input of a form; `limits` are the attributes by which the page itself refuses a value."""

    name: str
    type: str
    value: str = field(repr=False)
    limits: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Form:
    """A form, or all inputs of a page outside any form (`action` is None then)."""

    method: str
    action: str | None
    fields: tuple[Field, ...]

    @property
    def has_password(self) -> bool:
        """Tell whether one types a password in here."""
        return any(one.type == "password" for one in self.fields)

    @property
    def hidden(self) -> dict[str, str]:
        """Return the values that a browser sends along unseen."""
        return {one.name: one.value for one in self.fields if one.type == "hidden" and one.name}


@dataclass(frozen=True)
class Document:
    """What one body says.

    `texts` are its distinct pieces of text (of JSON: its leaves), `source` is all of it, `alerts` what
    its scripts would tell in a box of their own.
    """

    texts: frozenset[str] = frozenset()
    text_chars: int = 0
    title: str = ""
    scripts: int = 0
    forms: tuple[Form, ...] = ()
    metas: dict[str, str] = field(default_factory=dict)
    captcha: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    soft_redirect: str = ""
    data: object = None
    is_json: bool = False
    json_code: str | None = None
    json_error: bool | None = None
    message: str = ""
    text: str = field(default="", repr=False)
    source: str = field(default="", repr=False)
    alerts: tuple[str, ...] = ()

    @property
    def password_form(self) -> Form | None:
        """Return the form one types a password in, or None."""
        return next((one for one in self.forms if one.has_password), None)

    @property
    def login_words(self) -> tuple[str, ...]:
        """Return the phrases that ask for a login; of JSON only those in its message."""
        return _found(_LOGIN_WORDS, self.message if self.is_json else self.text)

    @property
    def error_words(self) -> tuple[str, ...]:
        """Return traces of the program's inside: stack traces, database errors."""
        return _found(_ERROR_WORDS, self.text)


def _found(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.group(0)[:60] for one in pattern.finditer(text[:200_000])))[:5]


def locked_words(text: str) -> tuple[str, ...]:
    """Return the phrases that say an account is locked or attempts come too fast."""
    return _found(_LOCKED_WORDS, _LOCK_WARNING.sub("", text[:200_000]))


def captcha_words(text: str) -> tuple[str, ...]:
    """Return the phrases that ask for a captcha."""
    return _found(_CAPTCHA_WORDS, text)


def nesting(body: bytes) -> int:
    """Return how deep the tags of an HTML body may nest; tags that close each other are not counted."""
    depth = deepest = 0
    for found in _TAG.finditer(body):
        if found.group(2).lower() in _FLAT_TAGS:
            continue
        depth = max(depth + (-1 if found.group(1) else 1), 0)
        deepest = max(deepest, depth)
    return deepest


def read(body: bytes, content_type: str) -> Document:
    """Return what a body says; a body that is neither HTML nor JSON has no texts."""
    media, _, rest = content_type.partition(";")
    media = media.strip().casefold()
    head = body[:200].lstrip()
    if "json" in media or head[:1] in (b"{", b"["):
        found = _read_json(body)
        if found is not None:
            return found
    if media in ("", "text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml"):
        return _read_html(_decode(body, rest))
    return Document()


def _decode(body: bytes, parameters: str) -> str:
    found = _META_CHARSET.search(parameters.encode("ascii", "ignore")) or _META_CHARSET.search(body[:2048])
    for name in (found.group(1).decode("ascii") if found else "utf-8", "gb18030"):
        try:
            return body.decode("gb18030" if name.casefold() in ("gb2312", "gbk") else name)
        except (LookupError, UnicodeDecodeError):
            continue
    return body.decode("utf-8", "replace")


def _read_json(body: bytes) -> Document | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    leaves = [f"{key}={value}" for key, value in _leaves(data)]
    code = message = None
    if isinstance(data, dict):
        code = next((str(data[one]) for one in _CODE_KEYS if _is_code(one, data.get(one))), None)
        message = "；".join(str(data[one]) for one in _MESSAGE_KEYS if isinstance(data.get(one), str))
    text = body.decode("utf-8", "replace")
    error = _json_error(data, code)
    if error and _holds_content(data) and not _LOGIN_WORDS.search(message or ""):
        error = None  # what looks like an error's code may be a department's
    return Document(
        texts=frozenset(leaves), text_chars=len(text), data=data, is_json=True, json_code=code,
        json_error=error, message=message or "", text=text, source=text,
    )  # fmt: skip


def _holds_content(data: object) -> bool:
    """Tell whether a JSON answer brings more than what wraps an answer or tells of an error."""
    if not isinstance(data, dict):
        return False
    return bool(set(data) - _WRAPPING_KEYS) or any(
        isinstance(data.get(one), dict | list) and data[one] for one in _DATA_KEYS
    )


def _is_code(key: str, value: object) -> bool:
    """Tell whether a value is an answer's code; `status` and `ret` are names of business fields, too."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    text = str(value).casefold()
    return key not in ("status", "ret") or text.isdecimal() or text in _STATUS_WORDS


def _json_error(data: object, code: str | None) -> bool | None:
    """Tell whether a JSON answer calls itself an error; None where it holds nothing either way."""
    if not isinstance(data, dict):
        return None if not data else False
    if any(data.get(one) is False for one in ("success", "ok", "status")):
        return True
    if code is not None and not isinstance(data.get("status"), bool) and code.casefold() not in _OK_CODES:
        return True
    held = [data[one] for one in _DATA_KEYS if one in data]
    if held:
        return False if any(one not in (None, "", [], {}, 0, False) for one in held) else None
    return False if len(data) > len({*_CODE_KEYS, *_MESSAGE_KEYS, "success", "ok"} & set(data)) else None


def _leaves(data: object) -> Iterator[tuple[str, object]]:
    stack: list[tuple[str, object]] = [("", data)]
    count = 0
    while stack and count < MAX_LEAVES:
        key, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((str(name), inner) for name, inner in value.items())
        elif isinstance(value, list):
            stack.extend((key, inner) for inner in value)
        elif value is not None and value != "" and not isinstance(value, bool):
            count += 1
            yield key, value


def _read_html(text: str) -> Document:
    tree = LexborHTMLParser(text)
    metas = {
        (one.attributes.get("name") or one.attributes.get("http-equiv") or "").casefold():
            one.attributes.get("content") or ""
        for one in tree.css("meta")
    }  # fmt: skip
    scripts = tree.css("script")
    sources = [one.attributes.get("src") or "" for one in scripts]
    inline = [one.text() for one in scripts]
    head = tree.css_first("title")
    title = head.text().strip()[:80] if head is not None else ""
    forms = tuple(_forms(tree))
    captcha = _captcha(tree, forms, sources)
    links = tuple(one.attributes.get("href") or "" for one in tree.css("a[href]")[:200])
    tree.strip_tags(["script", "style", "noscript", "template"])
    visible = tree.body.text(separator="\n", strip=True) if tree.body else ""
    pieces = frozenset(one.strip() for one in visible.split("\n") if len(one.strip()) > 1)
    return Document(
        texts=pieces, text_chars=sum(map(len, pieces)), title=title, scripts=len(scripts), forms=forms,
        metas=metas, captcha=captcha, links=links, text=visible, source=text,
        alerts=tuple(one.group(2) for script in inline for one in _ALERT.finditer(script))[:20],
        soft_redirect=_soft_redirect(metas, inline, sources, len(visible)),
    )  # fmt: skip


def _forms(tree: LexborHTMLParser) -> Iterator[Form]:
    inside = tree.css("form")
    for one in inside:
        yield Form(
            method=(one.attributes.get("method") or "").strip().casefold(),
            action=one.attributes.get("action") or "",
            fields=tuple(_fields(one.css("input, select, textarea"))),
        )
    everywhere = tuple(_fields(tree.css("input")))
    loose = Form(method="", action=None, fields=everywhere)
    if loose.has_password and not any(one.css_first("input[type=password i]") for one in inside):
        yield loose


def _fields(nodes: Iterable[LexborNode]) -> Iterator[Field]:
    for one in nodes:
        given = one.attributes
        kind = (given.get("type") or "text").strip().casefold()
        if one.tag == "select":
            kind = "select"
        limits: dict[str, str] = {key: given.get(key) or "" for key in _LIMITING if key in given}
        yield Field(given.get("name") or "", kind, given.get("value") or "", limits)


def _captcha(tree: LexborHTMLParser, forms: tuple[Form, ...], sources: list[str]) -> tuple[str, ...]:
    names = [one.name for form in forms if form.has_password for one in form.fields]
    pictures = [one.attributes.get("src") or "" for one in tree.css("img")]
    return tuple(
        dict.fromkeys(
            one.partition("?")[0][:60] for one in (*names, *pictures, *sources) if _CAPTCHA_NAMES.search(one)
        )
    )


def _soft_redirect(metas: dict[str, str], inline: list[str], sources: list[str], chars: int) -> str:
    """Return where a page without content of its own sends the browser, unconditionally."""
    if chars > SOFT_REDIRECT_CHARS:
        return ""
    refresh = _META_REFRESH.match(metas.get("refresh", ""))
    if refresh:
        return refresh.group("to").strip()
    if len(inline) == 1 and not sources[0]:
        found = _SCRIPT_REDIRECT.fullmatch(inline[0])
        if found:
            return found.group("to").strip()
    return ""


def alike_percent(one: Document, other: Document, *, same_bytes: bool) -> int | None:
    """Return how much text two answers share; None where neither has any and their bytes differ."""
    if same_bytes:
        return 100
    union = one.texts | other.texts
    return round(100 * len(one.texts & other.texts) / len(union)) if union else None


def find_json(data: object, dotted: str) -> object | None:
    """Return what lies under `a.b.c` in JSON data, or None."""
    for key in dotted.split("."):
        if not isinstance(data, dict) or key not in data:
            return None
        data = data[key]
    return data
