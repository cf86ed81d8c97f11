"""What an answer to a form tells: taken, refused, broken; how markup came out; what was stored."""

from __future__ import annotations

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from ...model import InputForm
from .browser import Chain
from .calls import Reply
from .firewall import blocking_words
from .login import matches

_DATABASE: Final = re.compile(
    r"ORA-\d{5}|SQLSTATE\[?|SQLSyntaxError|SQLException|OperationalError|ProgrammingError"
    r"|You have an error in your SQL syntax|syntax error at or near|unterminated quoted string"
    r"|Unclosed quotation mark|unrecognized token|psycopg2?\.errors|DmException|KSQLException"
)
_BROKEN: Final = (500, 501)
# Somebody else than the form: not logged in, asked too often, a gateway; so does a firewall that blocks.
_ELSEWHERE: Final = (401, 407, 408, 425, 429, 502, 503, 504)
_DIGITS: Final = re.compile(r"\d+", re.ASCII)


def words_in(chain: Chain) -> tuple[tuple[str, ...], bool]:
    """Return traces of the program's inside in an answer, and whether some are of a database."""
    database: list[str] = []
    words: list[str] = []
    for one in chain.answers:
        document = one.document
        words.extend(document.error_words)
        database.extend(found.group(0) for found in _DATABASE.finditer(document.text[:200_000]))
    kept = dict.fromkeys(one[:40] for one in (*database, *words))
    return tuple(kept)[:5], bool(database)


def outcome_of(reply: Reply, created: str | None, *, broken: bool) -> str:
    """Return `accepted`, `refused`, `server_error` or `unclear`.

    `created` is the id of what was created: None where the form declares none, empty where there is none.
    `broken`: the answer bears traces of an error inside. Only a declared marker proves that a form was taken.
    """
    if reply.status in _BROKEN:
        return "server_error"
    if reply.status in _ELSEWHERE or blocking_words(reply.chain):
        return "unclear"
    if reply.done is True:
        return "unclear" if created == "" else "accepted"
    if reply.done is None and not reply.refused_by_status:
        return "unclear"
    if broken and not reply.refused_by_status:
        return "server_error"
    return "unclear" if created else "refused"


def created_by(reply: Reply, form: InputForm, first: str) -> str | None:
    """Return the id of what an answer says was created, empty where it says none, None where nobody could.

    `first` is the id of the first right submission: one of another shape, or of an older
    record, is none of ours.
    """
    if not (form.created_key or form.created_in):
        return None
    found = reply.created(form.created_key, form.created_in)
    return found if not first or _alike(found, first) else ""


def _alike(found: str, first: str) -> bool:
    if _DIGITS.fullmatch(first):
        return bool(_DIGITS.fullmatch(found)) and int(found) >= int(first)
    shape = re.sub(r"[0-9a-fA-F]", "x", first)
    return re.sub(r"[0-9a-fA-F]", "x", found) == shape


def escaped_in(chain: Chain, nonce: str) -> bool | None:
    """Tell whether markup of ours came out as text; False where as markup, None where not at all."""
    seen: bool | None = None
    for one in chain.answers:
        document = one.document
        if document.is_json or nonce not in document.source:
            continue
        if LexborHTMLParser(document.source).css_first(f'[data-dengbao="{nonce}"]') is not None:
            return False
        seen = True
    return seen


def cut_short(chain: Chain, text: str, limit: int) -> bool:
    """Tell whether a page shows a text cut at a limit: that, not one character more, and no ellipsis."""
    shown = chain.last.document.text
    place = shown.find(text[:limit])
    after = shown[place + limit : place + limit + 3]
    return place >= 0 and text[: limit + 1] not in shown and not after.startswith(("…", "..."))


def taken_back(reply: Reply, form: InputForm) -> bool:
    """Tell whether an answer to `remove` says that it is gone, or was gone before."""
    if reply.status in (404, 410):
        return True
    if reply.done is not None or form.remove is None:
        return reply.done is True
    document = reply.chain.last.document
    # A session that has ended is sent to the login with the same status as one that has done it.
    turned_away = document.json_error or any(one.has_password for one in document.forms)
    if turned_away or matches(form.refused, reply.chain.first, reply.chain):
        return False
    return 200 <= reply.status < 300 or reply.status in (302, 303)
