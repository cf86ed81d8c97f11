"""In what form a page was seen to send the password, and whether that protects it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.web.facts_sent import WebPasswordSent

from .hosts import ask

FACT: Final = "web.password_sent"
_FORMS: Final[Mapping[str, str]] = {
    "plain": "为明文",
    "base64": "仅为 base64 编码，可还原",
    "hex": "仅为十六进制编码，可还原",
    "md5": "为不加盐的 MD5，可重放",
    "md5-twice": "为不加盐的两次 MD5，可重放",
    "sha1": "为不加盐的 SHA-1，可重放",
    "sha256": "为不加盐的 SHA-256，可重放",
    "sha512": "为不加盐的 SHA-512，可重放",
    "sm3": "为不加盐的 SM3，可重放",
}


def seen(sent: WebPasswordSent | None) -> list[Criterion]:
    """Return the criteria on the request of the page itself; nothing where that was not seen.

    What is merely encoded or hashed can be read or sent again by whoever sees it, so that without TLS it is
    in clear. With TLS the form does not matter. In an address it is written down by every log on the way.
    """
    if sent is None or sent.by != "page" or not sent.form or sent.in_url is None:
        return []
    return [_form(sent), _place(sent)]


def _form(sent: WebPasswordSent) -> Criterion:
    length = f"，该字段长 {sent.chars} 个字符" if sent.chars is not None and sent.form == "other" else ""
    what = _FORMS.get(sent.form, f"已由页面变换，不是明文、编码或不加盐的摘要{length}")
    met: bool | None = True
    if sent.scheme != "https":
        met = False if sent.form in _FORMS else None
    told = f"浏览器实际发出 {sent.method} {sent.path}（{sent.scheme}），口令{what}"
    question = "浏览器发出的口令是否不能被截获者还原或重放"
    return ask("sent_form", question, met, told, FACT, decisive=True)


def _place(sent: WebPasswordSent) -> Criterion:
    met: bool | None = not sent.in_url
    told = "浏览器访问的网址中不含口令"
    if sent.in_url:
        told = "浏览器访问的网址中含有口令（或其编码、摘要）"
    elif sent.form == "other" and sent.method == "GET":
        met, told = None, "登录以 GET 提交，变换后的口令是否在网址中未能确认"
    return ask("not_in_url", "口令是否不出现在网址中", met, told, FACT, decisive=True)
