"""The words of 金仓 KingbaseES where they differ from PostgreSQL's, from its maker's manuals.

Its catalogues carry `sys_` where PostgreSQL's carry `pg_` (some versions know both). Nothing here was
tried on a real KingbaseES: questions are asked as for PostgreSQL first, and again in its spelling where
the server does not know a name. Servers that ask for SM3 logins refuse the driver used here.
"""

from __future__ import annotations

import re
from typing import Any, Final

import sqlalchemy

from ...errors import NotSupported
from .session import MAX_ROWS, Session

_PREFIX: Final = re.compile(r"\bpg_")
# The administrators of the separation of powers; the product does not let anybody rename them.
SEPARATED: Final = frozenset({"sso", "sao"})
DEFAULT_NAMES: Final = frozenset({"system", *SEPARATED})


def respelled(question: str) -> str:
    """Return a question with the product's own names of catalogues and functions."""
    return _PREFIX.sub("sys_", question)


class KingbaseSession(Session):
    """Asks in PostgreSQL's spelling until the server knows only its own; that one is kept then."""

    own_spelling = False

    def ask(
        self, question: str | sqlalchemy.Select[Any], *, limit: int = MAX_ROWS, quiet: bool = False
    ) -> list[dict[str, object]]:
        """Return at most `limit` rows.

        Raises:
            NoPermission, TimedOut, NotSupported, ProtocolMismatch: mapped from the driver's error.

        """
        if not isinstance(question, str) or not _PREFIX.search(question):
            return super().ask(question, limit=limit, quiet=quiet)
        if self.own_spelling:
            return super().ask(respelled(question), limit=limit, quiet=quiet)
        try:
            return super().ask(question, limit=limit, quiet=quiet)
        except NotSupported:
            rows = super().ask(respelled(question), limit=limit, quiet=quiet)
            self.own_spelling = True
            return rows


def version_of(build: str) -> str:
    """Return the version that `version()` tells, such as `V008R006C008B0014`; empty for other products."""
    hit = re.match(r"KingbaseES\s+(\S+)", build)
    return hit.group(1) if hit else ""
