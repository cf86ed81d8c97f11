"""The application: every page's routes, behind the guard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..model import Person
from ..underway import Lookout
from .desk import Desk
from .guard import Doors, Guard
from .held import Shelf
from .jobs import Jobs
from .locking import LockWatch
from .pages import PLACES, ROUTES
from .pages.run import Control
from .pages.start import OPEN_PATHS
from .sheets_shown import SheetsShown
from .shown import Pages
from .tasks import Tasks
from .visit import lost


@dataclass(frozen=True)
class Address:
    """Where the page is served; `names` are the host names under which people reach it."""

    port: int
    names: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    secure: bool = False

    @property
    def scheme(self) -> str:
        """Return http, or https where the page is served with a certificate."""
        return "https" if self.secure else "http"

    @property
    def origins(self) -> frozenset[str]:
        """Return the origins that are this page's own."""
        usual = self.port == (443 if self.secure else 80)  # which browsers leave out
        ends = (f":{self.port}", "") if usual else (f":{self.port}",)
        return frozenset(f"{self.scheme}://{name}{end}" for name in self.names for end in ends)


def build(
    directory: Path, address: Address, *, content: Path | None = None, people: tuple[Person, ...] = ()
) -> tuple[Starlette, Doors]:
    """Return the application over an engagement folder, and its doors (start tokens and visitors).

    With `people`, each of them has a token of their own, and nobody else comes in.
    """
    doors = Doors(address.port, secure=address.secure, people=people)
    pages = Pages(PLACES)

    async def file(request: Request) -> Response:
        return pages.file(request)

    guard = Middleware(Guard, doors=doors, origins=address.origins, open_paths=OPEN_PATHS)
    app = Starlette(
        routes=[Route("/static/{name}", file), *ROUTES], middleware=[guard],
        exception_handlers={404: lost, 405: lost},
    )  # fmt: skip
    app.state.desk = Desk(directory, content)
    app.state.pages = pages
    app.state.doors = doors
    app.state.locks = LockWatch(directory)
    app.state.shelf = Shelf()
    app.state.tasks = Tasks()
    app.state.sheets = SheetsShown()
    app.state.runs = Control(Jobs(directory), Lookout(directory))
    return app, doors
