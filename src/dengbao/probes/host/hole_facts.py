"""Known holes of a host's packages; None always means: not known."""

from __future__ import annotations

from ...model import Facts, Value


class Hole(Value):
    """A known hole of an installed package that a newer version mends.

    `severity` is `critical`, `high`, `medium`, `low`, or empty where no data grade it; `source` is the file.
    """

    package: str
    installed: str
    id: str
    fixed: str
    severity: str = ""
    source: str = ""


class HoleData(Value):
    """A set of data the packages were held against; `day` (ISO) is the day it is of.

    `entries` counts those for the host's own distribution.
    """

    kind: str
    file: str
    sha256: str
    day: str
    entries: int


class HostHoles(Facts, tag="host.holes"):
    """Known holes by data that were carried in.

    `distribution` names the system as the data do, empty where no data speak of it. `holes` None: there were
    no data, or none of this system. `unmended` counts holes that no version mends yet, `unmended_grave` names
    those graded high or critical. `undecided` are packages whose versions cannot be compared with the data.
    `looked_on` (ISO) is the day on our clock. `cut`: more holes than are listed.
    """

    distribution: str
    data: tuple[HoleData, ...]
    looked_on: str
    compared: int = 0
    holes: tuple[Hole, ...] | None = None
    unmended: int = 0
    unmended_grave: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    cut: bool = False
