"""One item a screen: the official text, how it stands on each asset, guidance, and what people saw."""

from __future__ import annotations

import secrets
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ...catalog.guidance import NAMES
from ...errors import UsageError
from ...evidence import Gravity
from ...model import EvidenceKind, Method
from ...report.wording import bytes_zh, exchange
from ..item import form
from ..item.drafted import drafted, drafted_assets
from ..item.screen import Screen, Seat, find_item, next_open, screen_of, seat_on
from ..item.seen import answers, raw_page
from ..item.vouching import FIELD as VOUCHED
from ..item.vouching import vouched
from ..visit import Visit, look


def screen(visit: Visit, asset: str) -> Screen:
    """Return the screen of the item that the address names.

    Raises:
        UsageError: no such item.

    """
    state = visit.desk.state()
    item = visit.path("item")
    found = state.items.get(item)
    assets = tuple(one.asset for one in found.cases) if found is not None else ()
    return screen_of(state, item, asset, drafted_assets(visit, item, assets))


def seat(visit: Visit) -> Seat:
    """Return the item on the asset that the address names, without what was filed about it.

    Raises:
        UsageError: no such item, or it is not asked of that asset.

    """
    return seat_on(visit.desk.ground(), visit.path("item"), visit.path("asset"))


def show(visit: Visit) -> Response:
    """Show an item; `?asset=` is in focus."""
    return shown(visit, screen(visit, visit.asked("asset")))


def shown(visit: Visit, found: Screen, faults: form.Faults | None = None, status: int = 200) -> Response:
    """Return the page of an item, with what is wrong at the fields of its form."""
    here = found.here
    kept = drafted(visit, here)
    return visit.page(
        "item.html", status, screen=found, seat=here, draft=kept, faults=faults or form.Faults(),
        files=kept.files, item=here.item, asset=here.asset, asked=form.asked_of(here.item),
        verdicts=form.VERDICTS, methods=tuple(Method), kinds=tuple(EvidenceKind), platforms=NAMES,
        note=Gravity.NOTE, exchange=exchange, bytes_zh=bytes_zh, keep=kinds_to_keep(here),
        refused=(), named=kept.kept.content.files, window=secrets.token_hex(8), word_of=form.word_of,
        vouched=vouched(kept.fields.get(VOUCHED, ""), kept.kept.content.files),
    )  # fmt: skip


def kinds_to_keep(here: Seat) -> str:
    """Return in words what kinds of evidence the item asks for."""
    return "、".join(EvidenceKind(one).zh for one in here.item.by_hand.keep)


def go(visit: Visit) -> Response:
    """Go to the item that was typed, or to the first case without a verdict."""
    state = visit.desk.state()
    told = visit.asked("to")
    if told.strip():
        return visit.go(f"/item/{find_item(state, told)}")
    return visit.go(next_open(state) or f"/item/{state.order[0]}")


def facts(visit: Visit) -> Response:
    """Show the facts and raw records that the automatic statements on an asset rest on."""
    here = seat(visit)
    ground = visit.desk.ground()
    probes = {probe for record in here.records for probe in ground.probes_of_cases.get(record.case, ())}
    chosen = ground.round
    found, faults = answers(chosen, here.asset.id, here.records, probes) if chosen is not None else ((), ())
    template = "item_facts_part.html" if visit.is_part else "item_facts.html"
    return visit.page(template, seat=here, found=found, faults=faults, bytes_zh=bytes_zh)


def raw(visit: Visit) -> Response:
    """Show a page of a raw record as text."""
    here = seat(visit)
    chosen = visit.desk.ground().round
    told = visit.asked("page")
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 8 else 1
    found = raw_page(chosen, here.asset.id, visit.path("sha256"), number) if chosen is not None else None
    if found is None:
        raise UsageError("没有这份原始记录", cure="从“事实与原始记录”进入")
    template = "item_raw_part.html" if visit.is_part else "item_raw.html"
    return visit.page(template, seat=here, raw=found, bytes_zh=bytes_zh)


ROUTES: Final[tuple[Route, ...]] = (
    look("/item", go),
    look("/item/{item}", show),
    look("/item/{item}/{asset}/facts", facts),
    look("/item/{item}/{asset}/raw/{sha256}", raw),
)
