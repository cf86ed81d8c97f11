"""Commands that are imported when they are asked for, so that starting costs what is used."""

from __future__ import annotations

import contextlib
import gc
import importlib
from collections.abc import Iterator, Mapping, MutableMapping

import click


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage until the block ends: what importing makes stays, and going through it takes time.

    Changes: the setting of the whole process, for as long as the block takes.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class Waiting(MutableMapping[str, click.Command]):
    """Commands by name, in order; asking whether there is one imports nothing."""

    def __init__(self, package: str, places: Mapping[str, str]) -> None:
        """Take `module:attribute` of each command, the module below `package`."""
        self._package = package
        self._places = dict(places)
        self._there: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command, imported now if it was not before."""
        if name not in self._there:
            module, _, attribute = self._places[name].partition(":")
            with importing():
                home = importlib.import_module(f".{module}", self._package)
            found: click.Command = getattr(home, attribute)
            self._there[name] = found
        return self._there[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is here already."""
        self._places.setdefault(name, "")
        self._there[name] = command

    def __delitem__(self, name: str) -> None:
        """Forget a command."""
        del self._places[name]
        self._there.pop(name, None)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is such a command."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)
