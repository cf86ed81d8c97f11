"""What every trial restore shares: what was left out, refused, and what went wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator

from .streams import Budget, Stream
from .throwaway import Throwaway


class Trial(ABC):
    """One throw-away database; errors are counted by what failed and the code, never by their text.

    Texts of errors quote rows, so they are not kept. `refused` counts commands to the client program that
    stood in the dump, `left_out` statements about roles and rights.
    """

    product = ""

    def __init__(self, place: Throwaway) -> None:
        self.place = place
        self.version = ""
        self.source = ""  # product and version that wrote the dump, where it says so
        self.errors: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.left_out = 0

    @abstractmethod
    def begin(self) -> None:
        """Start the server."""

    @abstractmethod
    def feed(self, stream: Stream, budget: Budget) -> None:
        """Carry out a text dump, statement by statement, whatever fails."""

    @abstractmethod
    def count(self) -> Iterator[tuple[str, int]]:
        """Yield every table and its rows."""

    @abstractmethod
    def end(self) -> None:
        """Close the session."""
