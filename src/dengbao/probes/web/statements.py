"""Finds out whether what is typed in becomes part of a statement, where no error shows it.

A database puts `'测''||''试'` together to `测试`: where the pieces come back as one, the quotes were read as
quotes of a statement. Nothing else is changed by it, whatever the statement does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...model import InputField
from .browser import Chain
from .facts_inputs import InputTry
from .wrong import Wrong

PAIR: Final = "quote_pair"
JOINING: Final = {"concat_bars": "'||'", "concat_space": "' '", "concat_plus": "'+'"}
# The same signs in an order that no database puts together: only a filter that takes them out does.
STRIPPED: Final = {"concat_bars": "|'|'", "concat_space": " ''", "concat_plus": "+'+'"}
_LEAST: Final = 2


def spliced(name: str, one: InputField) -> Iterator[Wrong]:
    """Yield values of which a statement would make the sample again, each with what it would make."""
    if one.type != "text":
        return
    room = None if one.max_length is None else one.max_length
    pair = one.sample if room is None else one.sample[: max(room - 2, 0)]
    yield Wrong(PAIR, name, f"{pair}''", means=f"{pair}'")
    for kind, sign in JOINING.items():
        whole = one.sample if room is None else one.sample[: max(room - len(sign), 0)]
        if len(whole) >= _LEAST:
            yield Wrong(kind, name, _cut(whole, sign), means=whole)


def _cut(whole: str, sign: str) -> str:
    return whole[: len(whole) // 2] + sign + whole[len(whole) // 2 :]


def control(wrong: Wrong) -> Wrong | None:
    """Return the value that only a filter would turn into the sample; None for a pair of quotes."""
    if wrong.kind not in STRIPPED:
        return None
    return Wrong(f"{wrong.kind}_control", wrong.field, _cut(wrong.means, STRIPPED[wrong.kind]), wrong.means)


def wanted(wrong: Wrong, tries: list[InputTry]) -> bool:
    """Tell whether a value is still worth sending: a pair after a refused quote, one joining that tells."""
    before = [one for one in tries if one.field == wrong.field]
    if wrong.kind == PAIR:
        return any(one.kind == "quote" and one.outcome in ("refused", "server_error") for one in before)
    if wrong.kind in JOINING:
        return not any(one.joined for one in before)
    return True


def joined(wrong: Wrong, shown: Chain | None) -> bool | None:
    """Tell whether a page shows what a statement makes of a value; None where it shows neither."""
    if not wrong.means or shown is None:
        return None
    text = shown.last.document.text
    if wrong.text in text:
        return False
    return True if wrong.means in text else None


def rows_alone(right: Chain | None, quoted: Chain | None, answer: Chain) -> bool | None:
    """Tell whether a search found again what the sample finds and the sample with a quote does not."""
    if right is None or quoted is None:
        return None
    rows = right.last.document.texts - quoted.last.document.texts
    return bool(rows & answer.last.document.texts) if rows else None
