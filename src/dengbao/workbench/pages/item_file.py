"""Filing: a draft with its files becomes evidence, under a number, for good."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from ... import drafts
from ... import evidence as evidence_room
from ...catalog.editing import declare_not_applicable
from ...drafts import Conflict, DraftContent, Version
from ...errors import DengbaoError, EvidenceError
from ...evidence import Draft
from ...evidence.interview import NOTE_NAME
from ...evidence.staging import sources, stage
from ...model import Evidence, NotApplicable, Person, Verdict
from ...packet.custody import told
from ...reading import apart
from ..item import vouching
from ..item.drafted import keep_typed
from ..item.form import Faults, interview_note, to_evidence
from ..item.screen import Seat
from ..locking import refuse_when_sealed
from ..visit import Visit, act
from .files import FIELD
from .item import screen, seat, shown
from .item_draft import told as told_saved

# Pressed twice, the second press must find the first one's work done.
_FILING: Final = threading.Lock()


def file(visit: Visit) -> Response:
    """File what stands in the form; where something is wrong it is saved as a draft and told at its field."""
    with _FILING:
        here = seat(visit)
        person = visit.someone()
        saved = keep_typed(visit, here)
        if isinstance(saved, Conflict):
            return visit.go(here.address, told_saved(saved))
        if saved.version.filed:
            return visit.go(here.address, f"已入库 {saved.version.filed}")
        if refused := refuse_when_sealed(visit):  # only now, so that what was typed is a draft
            return refused
        version, refused_files = _taken(visit, here, saved.version)
        if not saved.version.files and saved.version.fields.get(vouching.FIELD):
            # Without scripts files are chosen, ticked and filed at once: the tick was for them.
            version = _ticked(visit, here, version)
        found = refused_files or _file(visit, here, version)
        # Emptied before the next press is looked at: it must find that it is filed.
        said = "" if isinstance(found, Faults) else _said(visit, here, version, found)
    if isinstance(found, Faults):
        return shown(visit, screen(visit, here.asset.id), found, 409)
    files = " ".join(f"{one.name}={one.sha256}" for one in found.files)
    told(
        visit.desk.directory, "evidence_added", person,
        {"id": found.id, "verdict": found.verdict.value, "files": files},
    )  # fmt: skip
    return visit.go(here.address, said)


def _taken(visit: Visit, here: Seat, version: Version) -> tuple[Version, Faults | None]:
    """Attach the files that were chosen and not uploaded yet, as they are without scripts."""
    faults = Faults()
    directory, item, asset = visit.desk.directory, here.item.id, here.asset.id
    for one in visit.filled.files(FIELD):
        try:
            found = stage(directory, one.filename or "", one.file)
            version = drafts.attach(directory, item, asset, found.sha256, by=visit.someone())
        except DengbaoError as exc:
            faults.whole.append(exc)
    return version, faults or None


def _ticked(visit: Visit, here: Seat, version: Version) -> Version:
    fields = {**version.fields, vouching.FIELD: vouching.value_of(version.files)}
    found = drafts.save(
        visit.desk.directory, here.item.id, here.asset.id, DraftContent(fields=fields, files=version.files),
        base=version.version, by=visit.someone(),
    )  # fmt: skip
    return version if isinstance(found, Conflict) else found.version


def declare(visit: Visit) -> Response:
    """Declare that the item does not apply to the asset: why, and who agreed."""
    here = seat(visit)
    by = visit.someone()
    why = visit.filled.text("why", "理由", most=1000, needed=True)
    agreed = Person(
        name=visit.filled.text("agreed_name", "同意人", most=40, needed=True),
        org=visit.filled.text("agreed_org", "同意人单位", most=80, needed=True),
    )
    declared = NotApplicable(item=here.item.id, asset=here.asset.id, why=why, by=by, agreed=agreed)
    declare_not_applicable(visit.desk.directory, (declared,))
    return visit.go(here.address, "已申报不适用")


def _file(visit: Visit, here: Seat, version: Version) -> Evidence | Faults:
    session = visit.desk.ground().session
    try:
        files = sources(visit.desk.directory, version.files)
        draft = to_evidence(here, version.fields, files, visit.someone())
        if isinstance(draft, Faults):
            return draft
        with tempfile.TemporaryDirectory() as folder:
            noted = _noted(Path(folder), here, version, draft)
            return evidence_room.add(
                visit.desk.directory,
                draft,
                (*files, *noted),
                suite=session.suite,
                engagement=session.engagement,
            )
    except EvidenceError as exc:
        return Faults(whole=list(apart(exc)))


def _noted(folder: Path, here: Seat, version: Version, draft: Draft) -> tuple[Path, ...]:
    text = interview_note(here, version.fields, draft)
    if not text:
        return ()
    path = folder / NOTE_NAME
    path.write_text(text, encoding="utf-8")
    return (path,)


def _said(visit: Visit, here: Seat, version: Version, filed: Evidence) -> str:
    dropped = drafts.drop(
        visit.desk.directory, here.item.id, here.asset.id, version=version.version, by=visit.someone(),
        filed=filed.id,
    )  # fmt: skip
    second = "，尚待第二人复核" if filed.override else ""
    if here.failed and not filed.override and filed.verdict is Verdict.CONFORM:
        second = "；自动判定不因此改变：要推翻须写理由"
    rest = "" if dropped else "；草稿在另一窗口又有修改，仍保留"
    return f"已入库 {filed.id}{second}{rest}"


ROUTES: Final[tuple[Route, ...]] = (
    act("/item/{item}/{asset}/file", file, even_sealed=True),
    act("/item/{item}/{asset}/not-applicable", declare),
)
