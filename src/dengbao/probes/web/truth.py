"""Compares an answer with the true one: by text that nothing else shows, never by status alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from ...model import Marker
from .browser import Chain
from .calls import shows
from .facts import ALIKE_PERCENT, SHELL_CHARS
from .facts_access import BLOCKED, FEW_TEXTS, Asked
from .firewall import blocking_words
from .layout import texts_of
from .reading import Document, alike_percent

_REFUSAL: Final = re.compile(
    r"无权|没有权限|没有.{0,12}的?权限|权限不足|缺少权限|未授权|禁止访问|拒绝访问|不允许访问|越权|仅限.{0,12}访问"
    r"|forbidden|access (?:is )?denied|permission denied|no permission"
    r"|not (?:authori[sz]ed|permitted|allowed)"
    r"|unauthori[sz]ed|insufficient (?:privilege|permission|scope|right)",
    re.IGNORECASE,
)
_PASSING: Final = frozenset({408, 425, 429})
_MARKUP: Final = frozenset(
    {
        "",
        "text/html",
        "application/xhtml+xml",
        "application/json",
        "text/plain",
        "application/xml",
        "text/xml",
    }
)


@dataclass(frozen=True)
class Truth:
    """A true answer and the texts that only it shows; `why` is Chinese where it cannot serve."""

    chain: Chain
    own: frozenset[str]
    marker: Marker
    why: str = ""

    @property
    def file(self) -> str:
        """Return the media type of an answer that is a file, else empty."""
        return file_type(self.chain)

    def unlike(self, others: Iterable[Chain]) -> Truth:
        """Return the truth as somebody can prove it who sees other pages anyway.

        What they show, too, proves nothing; where all of it stands there, `why` says so.
        """
        seen = tuple(others)
        own = self.own - texts_of(seen)
        marker = Marker() if any(shows(self.marker, one) for one in seen) else self.marker
        nothing = not own and marker == Marker() and not self.file
        why = "该账户的其他页面也有同样的内容，无从比对" if nothing else self.why
        return replace(self, own=own, marker=marker, why=why)


def file_type(chain: Chain) -> str:
    """Return the media type where the answer is a file to keep, else empty."""
    last = chain.last
    kept = "attachment" in str(last.headers.get("content-disposition", "")).casefold()
    return last.media_type or "?" if kept or last.media_type not in _MARKUP else ""


def truth_of(
    chain: Chain, marker: Marker, others: Iterable[Chain], layout: frozenset[str] = frozenset()
) -> Truth:
    """Return an allowed account's answer as what the others are compared with.

    `others` are answers that anybody gets there: login page, unknown path, the asking account's own
    object. A marker that one of them bears tells nothing and is dropped. `layout` is what the account's
    other pages show, too.
    """
    seen = tuple(others)
    told = Marker() if any(shows(marker, one) for one in seen) else marker
    own = chain.last.document.texts - texts_of(seen) - layout
    return Truth(chain, own, told, _why_not(chain, told, own, seen))


def _why_not(chain: Chain, marker: Marker, own: frozenset[str], others: tuple[Chain, ...]) -> str:
    """Return in Chinese why an answer cannot be the true one, empty if it can."""
    last, document = chain.last, chain.last.document
    told = shows(marker, chain)
    file = file_type(chain)
    few = len(own) < FEW_TEXTS  # a list of users may hold a form with a password for a new one
    seldom = told is None and few and _REFUSAL.search("\n".join(own)) is not None
    faults = (
        (told is False, f"有权账户的应答（{last.status}）没有登记的标志"),
        (not 200 <= last.status < 300, f"有权账户得到 {last.status}"),
        (told is None and few and _asks_to_log_in(document, Document()), "有权账户得到的是登录提示"),
        (not last.body, "有权账户得到的应答为空"),
        (document.json_error is True, "有权账户得到的 JSON 自称出错"),
        (not file and _is_shell(document), "页面内容由脚本生成，须登记其背后的接口"),
        (not file and _like_any(chain, others), "有权账户的应答与不存在的路径相同"),
        (not file and seldom, "有权账户的应答像是拒绝"),
        (not file and not own and told is None, "有权账户的应答没有可供比对的内容"),
    )
    return next((why for wrong, why in faults if wrong), "")


def _asks_to_log_in(document: Document, other: Document) -> bool:
    """Tell whether an answer asks to log in by what another does not hold; forms for new users do, too."""
    form = document.password_form is not None and other.password_form is None
    return form or (bool(document.login_words) and not other.login_words)


def _is_shell(document: Document) -> bool:
    return bool(document.scripts) and document.text_chars < SHELL_CHARS


def _like_any(chain: Chain, others: tuple[Chain, ...]) -> bool:
    return any(_alike(chain, one) for one in others if one.last.status == chain.last.status)


def _alike(one: Chain, other: Chain) -> bool:
    like = _percent(one, other)
    return like is not None and like >= ALIKE_PERCENT


def _percent(one: Chain, other: Chain) -> int | None:
    same = one.last.body == other.last.body
    return alike_percent(one.last.document, other.last.document, same_bytes=same)


def compared(
    cell: Asked,
    chain: Chain,
    truth: Truth,
    *,
    unknown: Chain | None,
    own_object: Chain | None = None,
    known: frozenset[str] = frozenset(),
) -> Asked:
    """Return a cell completed by what an answer shares with the true one.

    `known` is what the asking account's other pages show.
    """
    words = blocking_words(chain, known | truth.chain.last.document.texts)
    blocked = (f"{BLOCKED} {words}",) if words else ()
    texts = frozenset().union(*(one.document.texts for one in chain.answers))
    shown = round(100 * len(truth.own & texts) / len(truth.own)) if truth.own else None
    return msgspec.structs.replace(
        cell,
        status=chain.first.status,
        final_status=chain.last.status,
        marker=shows(truth.marker, chain),
        own_texts=len(truth.own),
        shown_percent=shown,
        same_file=bool(truth.file) and file_type(chain) == truth.file and 200 <= chain.last.status < 300,
        refusal=(*_refusals(chain, truth, unknown, own_object), *blocked),
    )


def _refusals(chain: Chain, truth: Truth, unknown: Chain | None, own_object: Chain | None) -> Iterable[str]:
    """Yield what refuses in an answer; being overloaded or broken is no refusal."""
    last, document = chain.last, chain.last.document
    statuses = dict.fromkeys((chain.first.status, last.status))
    yield from (f"status {one}" for one in statuses if 400 <= one < 500 and one not in _PASSING)
    if last.status >= 500 or last.status in _PASSING:
        return
    before = truth.chain.last.document
    said = refusing_words(document, before)
    like_own = _same_answer(chain, own_object)
    signs = (
        ("login", _asks_to_log_in(document, before)),
        ("json_error", document.json_error is True),
        (f"words {said}", bool(said)),
        ("unknown_path", _same_answer(chain, unknown)),
        ("empty", document.is_json and document.json_error is None and last.status < 300),
        ("own_object", like_own),
        ("moved", not like_own and bool(chain.first.location) and not truth.chain.first.location),
    )
    yield from (name for name, there in signs if there)


def _same_answer(chain: Chain, other: Chain | None) -> bool:
    return other is not None and other.last.status == chain.last.status and _alike(chain, other)


def refusing_words(document: Document, other: Document) -> str:
    """Return a phrase that refuses and does not stand in another answer, empty if there is none."""
    said = document.message if document.is_json else "\n".join(sorted(document.texts - other.texts))
    found = _REFUSAL.search(said[:20_000])
    return found.group(0)[:40] if found else ""
