"""How values become pages: one Jinja environment, everything escaped, every page in the same frame."""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jinja2
from jinja2.bccache import Bucket
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .. import __version__
from ..files import write_whole
from ..model import CaseResult, Person, Status, Verdict
from ..report.wording import label

if TYPE_CHECKING:
    from .visit import Visit

_DIGEST: Final = hashlib.sha256().digest_size
_STATIC: Final = resources.files(__package__) / "static"


@dataclass(frozen=True)
class Place:
    """An entry of the page's main navigation; `key` jumps there after `g`."""

    title: str
    path: str
    key: str


class _Kept(jinja2.BytecodeCache):
    """What templates were compiled to, each with its digest; nothing where that cannot be written."""

    def __init__(self, folder: Path, mark: str) -> None:
        self._folder, self._mark = folder, mark

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            data = self._path(bucket).read_bytes()
            if hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]:
                bucket.bytecode_from_string(data[_DIGEST:])  # which looks whether it is of this very source

    def dump_bytecode(self, bucket: Bucket) -> None:
        data = bucket.bytecode_to_string()
        with contextlib.suppress(OSError):
            write_whole(self._path(bucket), hashlib.sha256(data).digest() + data, durable=False)

    def _path(self, bucket: Bucket) -> Path:
        return self._folder / f"page-{self._mark}-{bucket.key}.cache"


def _kept() -> _Kept | None:
    """Return where compiled templates lie: with the modules that Python compiled, and trusted as they are.

    Compiling takes half a second of every start. A template that changed is known by its digest; how they
    are compiled is said in this module.
    """
    if sys.dont_write_bytecode:
        return None
    mark = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    return _Kept(Path(cache_from_source(__file__)).parent, mark)


class Pages:
    """Templates, the navigation and the files that pages load; read once at the start."""

    def __init__(self, places: tuple[Place, ...]) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader(__package__ or ""), autoescape=True, undefined=jinja2.StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, bytecode_cache=_kept(),
        )  # fmt: skip
        self._files = {one.name: one.read_bytes() for one in _STATIC.iterdir() if one.is_file()}
        marks = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in self._files.items()}
        self._environment.globals.update(
            places=places,
            version=__version__,
            static=lambda name: f"/static/{name}?{marks[name]}",
            Verdict=Verdict,
            Status=Status,
            tone=tone,
            case_word=case_word,
            label=label,
        )
        self._environment.filters.update(person=person_zh, moment=moment_zh, field_moment=field_moment)

    def warm(self) -> None:
        """Read every template, so that nobody waits for one that is shown for the first time."""
        for name in self._environment.list_templates():
            self._environment.get_template(name)

    def answer(self, visit: Visit, template: str, status: int, data: Mapping[str, object]) -> Response:
        """Return a rendered page; what was to be told is told, once."""
        said: tuple[str, ...] = ()
        if not visit.is_part:  # a part has no place for it
            said, visit.visitor.said[:] = tuple(visit.visitor.said), []
        with visit.desk.glance():  # nothing is written while a page is drawn
            text = self._environment.get_template(template).render(
                visit=visit, path=visit.request.url.path, said=said, **data
            )
        return HTMLResponse(text, status)

    def file(self, request: Request) -> Response:
        """Return a file that pages load: script, style, icon."""
        name = str(request.path_params["name"])
        data = self._files.get(name)
        if data is None:
            return Response("没有这个文件", 404, media_type="text/plain")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # The address changes with the content, so that it may be kept for ever.
        return Response(data, media_type=kind, headers={"cache-control": "max-age=31536000, immutable"})


def tone(status: Status, verdict: Verdict | None) -> str:
    """Return the style class of a verdict or, where there is none, of the status."""
    return verdict.value if status is Status.JUDGED and verdict is not None else status.value


def case_word(case: CaseResult) -> str:
    """Return the word of a case: its verdict, or its status with the reason."""
    return label(case.status, case.verdict, case.reason)


def person_zh(one: Person | None) -> str:
    """Return name and organisation."""
    return "" if one is None else f"{one.name}（{one.org}）" if one.org else one.name


def moment_zh(at: datetime | None) -> str:
    """Return a time in this machine's zone, to the minute."""
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def field_moment(at: datetime | None) -> str:
    """Return a time as the field `datetime-local` holds it."""
    return f"{(at or datetime.now(UTC)).astimezone():%Y-%m-%dT%H:%M}"
