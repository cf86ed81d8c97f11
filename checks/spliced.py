"""Whether what is typed in became part of a statement: told by what came back, not by an error."""

from __future__ import annotations

from typing import Final

from dengbao.probes.web.facts_inputs import FormSeen, InputTry

JOINING: Final = ("concat_bars", "concat_space", "concat_plus")
SPLICED: Final = ("quote_pair", *JOINING)
_CONTROL: Final = "_control"


def is_control(one: InputTry) -> bool:
    """Tell whether a value was sent only to see what a filter takes out."""
    return one.kind.endswith(_CONTROL)


def put_together(form: FormSeen, one: InputTry) -> bool | None:
    """Tell whether a value was read as part of a statement; None where that stays open.

    A filter that takes quotes and signs out makes one piece of two as well; it does so in any order. A pair
    of quotes taken where one was refused is either a statement or an odd rule: what was stored decides.
    """
    if one.kind == "quote_pair":
        return None if one.outcome == "accepted" and one.joined is None else bool(one.joined)
    if not one.joined:
        return False
    against = [
        each for each in form.wrong if each.field == one.field and each.kind == f"{one.kind}{_CONTROL}"
    ]
    if not against or against[0].outcome == "unclear":
        return None
    return not against[0].joined
