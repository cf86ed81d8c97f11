"""Takes secrets and personal data out of bytes before anything is written."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .pii import is_bank_card, is_id_card, is_mobile

MASK: Final = "［已隐去］"
_MIN_SECRET_CHARS: Final = 4
_MIN_INNER_BASE64: Final = 6  # fewer characters occur by chance in every Base64 text
_FIELD_WORDS: Final = (
    b"passw", b"passp", b"pwd", b"token", b"secret", b"apikey", b"api_key", b"api-key", b"sess", b"cookie",
    b"authorization", b"bearer", b"identified", b"://",
)  # fmt: skip
_WINDOW_BEFORE: Final = 64
_MULTIPART_LINES: Final = 4  # a multipart field's value stands two to three lines below its name

# An id with a mistyped check character is still somebody's: shape, century and date suffice.
_ID_SHAPE: Final = re.compile(rb"[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx]")
# Digits as 0, blanks and hyphens as -, all else as a dot: then plain searches, which run at memory
# speed, find every place worth a pattern.
_FLAT: Final = bytes(
    0x30 if 0x30 <= one <= 0x39 else 0x2D if one in (0x20, 0x2D) else 0x2E for one in range(256)
)
_FLAT_RUN: Final = b"0" * 11
_FLAT_GROUPS: Final = (b"000-0000-0000", b"000000-00000000-000")
_DIGITS: Final = re.compile(rb"\d{11,}(?:[Xx](?![0-9A-Za-z]))?")
_GROUPED: Final = re.compile(
    rb"(?<!\d)(?:"
    rb"[3-69]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1?\d{1,3})?"  # bank card
    rb"|1\d{2}[ -]\d{4}[ -]\d{4}"  # mobile number
    rb"|[1-9]\d{5}[ -](?:19|20)\d{6}[ -]\d{3}[\dXx]"  # id card
    rb")(?!\d)"
)
_PASSWORD_NAME: Final = (
    rb"(?:(?:[a-z]+[_-]?)?(?:password|passwd|passphrase)|(?:user|login|new|old|confirm)?[_-]?pwd|passw(?:or)?d\d?"
    rb"|(?:access|refresh|id|auth|csrf|xsrf|bearer)[_-]?token|token|(?:client|app)?[_-]?secret|api[_-]?key"
    rb"|(?:j?session|php ?sess|asp\.net_session)[_-]?id)"
)
_NAME: Final = re.compile(_PASSWORD_NAME, re.IGNORECASE)
_FIELD: Final = re.compile(
    rb"(?<![0-9A-Za-z_.-])([A-Za-z][0-9A-Za-z_.-]{1,40}+)(=|%3[dD])(?![\s=])[^&\s\"'<>;,]+"
)
_JSON_FIELD: Final = re.compile(
    rb"(\\?[\"'])(" + _PASSWORD_NAME + rb"|authorization|proxy-authorization|cookie)(\\?[\"']\s*:\s*)"
    rb"(?:b?(\\?\")(?:[^\"\\]|\\(?!\")[^\n]|\\\"(?!\s*[,}\]]))*\4|b?'(?:[^'\\\n]|\\.)*'|-?\d[\d.eE+-]*)",
    re.IGNORECASE,
)
_MULTIPART: Final = re.compile(
    rb"(name=\"" + _PASSWORD_NAME + rb"\"[^\r\n]*(?:\r?\n[^\r\n]+)*\r?\n\r?\n)[^\r\n]+", re.IGNORECASE
)
_XML: Final = re.compile(rb"(<(?:\w+:)?(" + _PASSWORD_NAME + rb")(?:\s[^<>]*)?>)[^<>]+(?=</)", re.IGNORECASE)
_SQL: Final = re.compile(
    rb"\b((?:IDENTIFIED\s+BY(?:\s+PASSWORD)?|PASSWORD)(?:\s+|\s*[(=]\s*))'(?:[^'\\]|\\.|'')*'", re.IGNORECASE
)
_URL_USER: Final = re.compile(rb"(://[^/\s:@\"'<>]{1,64}:)[^/\s@\"'<>]{1,128}(?=@)")
_AUTHORIZATION: Final = re.compile(
    rb"((?:proxy-)?authorization[ \t]*:[ \t]*)(?:(basic|bearer|digest|negotiate|ntlm|token)[ \t]+)?[^\r\n]+",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(rb"\b(bearer[ \t]+)[A-Za-z0-9._~+/-]{8,}=*", re.IGNORECASE)
_COOKIES: Final = re.compile(rb"(?<![\w-])(cookie[ \t]*:)([^\r\n]+)", re.IGNORECASE)
_COOKIE_VALUE: Final = re.compile(rb"=[^;\r\n]*")
_SET_COOKIE: Final = re.compile(rb"(set-cookie[ \t]*:[ \t]*[^=;\r\n]+=)[^;\r\n]+", re.IGNORECASE)


@dataclass(frozen=True)
class _Secret:
    """A secret under all the forms it is written in; `core` stands unchanged in each of `spelled`."""

    size: int
    core: bytes
    spelled: tuple[bytes, ...]
    wide: tuple[bytes, ...]
    coded: tuple[bytes, ...]

    @classmethod
    def of(cls, secret: str) -> _Secret:
        runs = re.findall(rb"[0-9A-Za-z]+", secret.encode("utf-8", "surrogatepass"))
        core = max(runs, key=len, default=b"")
        return cls(
            size=len(secret),
            core=core if len(core) >= _MIN_SECRET_CHARS else b"",
            spelled=_longest_first(_spelled(secret)),
            wide=_longest_first(secret.encode(one, "surrogatepass") for one in ("utf-16-le", "utf-16-be")),
            coded=_longest_first(_coded(secret)),
        )

    def mask(self, data: bytes, mask: bytes, *, wide: bool) -> bytes:
        if self.core in data:
            data = _replace(data, self.spelled, mask)
        if wide:
            data = _replace(data, self.wide, mask)
        return _replace(data, self.coded, mask)


def _replace(data: bytes, forms: tuple[bytes, ...], mask: bytes) -> bytes:
    for form in forms:
        if form in data:
            data = data.replace(form, mask)
    return data


def _longest_first(forms: Iterable[bytes]) -> tuple[bytes, ...]:
    kept = {one for one in forms if one not in MASK.encode()}
    return tuple(sorted(kept, key=lambda one: (-len(one), one)))


class Redactor:
    """Replaces known secrets and personal identifiers; secrets shorter than 4 characters are skipped.

    Secrets are found as they are and as URL, form, JSON, HTML, shell, SQL and Base64 write them, in
    UTF-8, GBK and UTF-16. Without any secret named to it, it masks 身份证号, 手机号, 银行卡号,
    Authorization and Cookie headers, and fields that are called password or token. Masking twice
    changes nothing more.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[_Secret] = []
        for one in secrets:
            self.add(one)

    def add(self, secret: str) -> None:
        """Learn a secret that must never be written."""
        if len(secret) < _MIN_SECRET_CHARS or secret in MASK:
            return
        found = _Secret.of(secret)
        if found not in self._secrets:
            self._secrets.append(found)
            self._secrets.sort(key=lambda one: -one.size)

    def data(self, data: bytes) -> bytes:
        """Return `data` with secrets and personal identifiers masked; any encoding, any bytes."""
        wide = _wide_encoding(data)
        if wide:
            text = data.decode(wide, "surrogatepass")
            return self._plain(text.encode("utf-8", "surrogatepass"), MASK.encode()).decode(
                "utf-8", "surrogatepass"
            ).encode(wide, "surrogatepass")  # fmt: skip
        return self._plain(data, _mask_for(data))

    def text(self, text: str) -> str:
        """Return `text` with secrets and personal identifiers masked."""
        return self._plain(text.encode("utf-8", "surrogatepass"), MASK.encode()).decode("utf-8", "replace")

    def _plain(self, data: bytes, mask: bytes) -> bytes:
        wide = b"\0" in data
        for secret in self._secrets:
            data = secret.mask(data, mask, wide=wide)
        data = _mask_runs(data, mask)
        flat = data.translate(_FLAT)
        for groups in _FLAT_GROUPS:
            if groups in flat:
                data = _rewrite(data, _places_of(flat, groups), lambda part: _mask_grouped(part, mask))
                flat = data.translate(_FLAT)
        return _rewrite(data, _field_places(data), lambda part: _mask_fields(part, mask))


def _rewrite(data: bytes, places: Iterable[tuple[int, int]], change: Callable[[bytes], bytes]) -> bytes:
    """Return `data` with `change` applied to the given places only, which are sorted and may overlap."""
    parts: list[bytes] = []
    done = 0
    begin = end = -1
    for low, high in places:
        if low > end:
            if end >= 0:
                parts += (data[done:begin], change(data[begin:end]))
                done = end
            begin = low
        end = max(end, high)
    if end >= 0:
        parts += (data[done:begin], change(data[begin:end]))
        done = end
    return b"".join((*parts, data[done:])) if parts else data


def _places_of(flat: bytes, what: bytes) -> Iterator[tuple[int, int]]:
    """Yield the whole words of digits, blanks and hyphens in which `what` lies, and a byte around them."""
    at = flat.find(what)
    while at >= 0:
        end = at + len(what)
        while flat[end : end + 1] in (b"0", b"-"):
            end += 1
        begin = at
        while begin and flat[begin - 1] != 0x2E:
            begin -= 1
        yield max(0, begin - 1), min(len(flat), end + 2)
        at = flat.find(what, end)


def _field_places(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield, in order, where a word may name a secret: from a little before it to the end of its line."""
    lower = data.lower()
    found: list[tuple[int, int]] = []
    for word in _FIELD_WORDS:
        at = lower.find(word)
        while at >= 0:
            begin = max(lower.rfind(b"\n", 0, at) + 1, at - _WINDOW_BEFORE)
            end = _line_end(lower, at)
            after = end
            if lower.find(b'name="', begin, at) >= 0:
                for _ in range(_MULTIPART_LINES):
                    after = _line_end(lower, after + 1)
            found.append((begin, after))
            at = lower.find(word, end)
    return iter(sorted(found))


def _line_end(data: bytes, at: int) -> int:
    end = data.find(b"\n", at)
    return len(data) if end < 0 else end


def _mask_runs(data: bytes, mask: bytes) -> bytes:
    flat = data.translate(_FLAT)
    parts: list[bytes] = []
    done = 0
    at = flat.find(_FLAT_RUN)
    while at >= 0:
        hit = _DIGITS.match(data, at)
        end = hit.end() if hit else at + 1
        if hit and _is_personal(hit.group()):
            parts += (data[done:at], mask)
            done = end
        at = flat.find(_FLAT_RUN, end)
    return b"".join((*parts, data[done:])) if parts else data


def _mask_grouped(data: bytes, mask: bytes) -> bytes:
    return _GROUPED.sub(
        lambda hit: mask if _is_personal(hit.group().translate(None, b" -")) else hit.group(), data
    )


def _mask_fields(data: bytes, mask: bytes) -> bytes:
    lower = data.lower()
    if b"cookie" in lower:
        data = _SET_COOKIE.sub(rb"\1" + mask, data)
        data = _COOKIES.sub(lambda hit: _mask_cookies(hit, mask), data)
    if b"authorization" in lower:
        data = _AUTHORIZATION.sub(lambda hit: _join(hit.group(1), hit.group(2), mask), data)
    if b"bearer" in lower:
        data = _BEARER.sub(rb"\1" + mask, data)
    if b"://" in lower and b"@" in lower:
        data = _URL_USER.sub(rb"\1" + mask, data)
    if b":" in lower:
        data = _JSON_FIELD.sub(lambda hit: _mask_json(hit, mask), data)
    if b"=" in lower or b"%3" in lower:
        data = _FIELD.sub(lambda hit: _mask_field(hit, mask), data)
    if b'name="' in lower:
        data = _MULTIPART.sub(rb"\1" + mask, data)
    if b"</" in lower:
        data = _XML.sub(rb"\1" + mask, data)
    if b"'" in lower and (b"password" in lower or b"identified" in lower):
        data = _SQL.sub(rb"\1'" + mask + b"'", data)
    return data


def _mask_field(hit: re.Match[bytes], mask: bytes) -> bytes:
    if _NAME.fullmatch(hit.group(1)):
        return hit.group(1) + hit.group(2) + mask
    return hit.group()


def _join(head: bytes, scheme: bytes | None, mask: bytes) -> bytes:
    return head + (scheme + b" " if scheme else b"") + mask


def _mask_cookies(hit: re.Match[bytes], mask: bytes) -> bytes:
    return hit.group(1) + _COOKIE_VALUE.sub(b"=" + mask, hit.group(2))


def _mask_json(hit: re.Match[bytes], mask: bytes) -> bytes:
    quote = hit.group(1)
    return quote + hit.group(2) + hit.group(3) + quote + mask + quote


def _is_personal(run: bytes) -> bool:
    size = len(run)
    if size == 11:
        return is_mobile(run.decode())
    if size == 12:
        return run[-1:] in b"Xx" and is_mobile(run[:11].decode())
    if size == 13:
        return run.startswith(b"86") and is_mobile(run.decode())
    if size == 18 and _ID_SHAPE.fullmatch(run):
        return True
    text = run.decode().rstrip("Xx")
    return (size == 18 and is_id_card(run.decode())) or (size >= 16 and is_bank_card(text))


def _wide_encoding(data: bytes) -> str:
    """Return the UTF-16 codec of data that starts with its mark, and is whole."""
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark) and len(data) % 2 == 0:
            return codec
    return ""


def _mask_for(data: bytes) -> bytes:
    """Return the mask in the encoding of `data`: GBK where it is that and not UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        try:
            data.decode("gbk")
        except UnicodeDecodeError:
            return MASK.encode()
        return MASK.encode("gbk")
    return MASK.encode()


def _spelled(secret: str) -> Iterator[bytes]:
    """Yield the secret as text formats write it; letters and digits stay what they are."""
    for text in _spellings(secret):
        yield text.encode("utf-8", "surrogatepass")
    raw = secret.encode("utf-8", "surrogatepass")
    yield repr(raw)[2:-1].encode()
    for legacy in _legacy(secret):
        yield legacy
        yield from (one.encode() for one in _percent(legacy))


def _coded(secret: str) -> Iterator[bytes]:
    """Yield the secret as Base64 writes it."""
    yield from _base64_forms(secret.encode("utf-8", "surrogatepass"))
    for legacy in _legacy(secret):
        yield from _base64_forms(legacy)


def _legacy(secret: str) -> Iterator[bytes]:
    if not secret.isascii():
        try:
            yield secret.encode("gb18030")
        except UnicodeEncodeError:
            return


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    in_json = json.dumps(secret)[1:-1]
    for written in (in_json, json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield written
        yield written.replace("/", "\\/")
        yield json.dumps(written)[1:-1]  # JSON inside a JSON string
    yield re.sub(r"\\u[0-9a-f]{4}", lambda hit: "\\u" + hit.group()[2:].upper(), in_json)
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield html.escape(secret).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield secret.replace("'", "''")
    yield secret.replace("\\", "\\\\").replace("'", "\\'")
    yield secret.replace("'", "'\\''")
    yield repr(secret)[1:-1]
    yield from _percent(secret.encode("utf-8", "surrogatepass"))


def _percent(raw: bytes) -> Iterator[str]:
    for safe in ("", "/", "!'()*", "*-._", "!*'();:@&=+$,/?", "/:@!$&'()*+,;="):
        quoted = urllib.parse.quote(raw, safe=safe)
        for text in (quoted, quoted.replace("~", "%7E"), quoted.replace("%20", "+")):
            yield text
            yield re.sub(r"%[0-9A-F]{2}", lambda hit: hit.group().lower(), text)
    yield urllib.parse.quote(urllib.parse.quote(raw, safe=""), safe="")


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Yield the part of the secret's Base64 that stands fast wherever it begins in a longer text."""
    for alphabet in (b"+/", b"-_"):
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + raw, alphabet)
            begin = (shift * 8 + 5) // 6
            inner = whole[begin : (shift + len(raw)) * 8 // 6]
            if len(inner) >= _MIN_INNER_BASE64:
                yield inner
        if len(raw) * 8 // 6 < _MIN_INNER_BASE64:
            yield base64.b64encode(raw, alphabet).rstrip(b"=")
