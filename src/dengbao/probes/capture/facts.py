"""What was seen of the declared flows of an asset in captured traffic; no value of a secret or a person."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ...capture.findings import Channel, Kind, Speech
from ...model import Facts, Value


class Recording(Value):
    """A capture: a file of the engagement, or what was heard on an interface; `name` is either's.

    `first` and `last` are the times of its packets, None where it has none. `broken` says in Chinese where
    it could not be read further. `dropped` are packets that the kernel lost, None where that is not known.
    `unread` counts packets that were not looked into, by reason.
    """

    name: str
    live: bool = False
    sha256: str = ""
    packets: int = 0
    size_bytes: int = 0
    first: datetime | None = None
    last: datetime | None = None
    broken: str = ""
    dropped: int | None = None
    unread: dict[str, int] = msgspec.field(default_factory=dict)


class SeenWay(Value):
    """How some connections of a flow were carried; version and suite are of TLS or TLCP, as far as seen."""

    channel: Channel
    speaks: Speech
    connections: int
    version: str = ""
    suite: int | None = None
    suite_name: str = ""
    null_suite: bool = False
    upgraded_from: Speech | None = None


class SeenThing(Value):
    """Values of one kind in one field that lay open; the first in packet `packet` of `recording`.

    `where` is url, header, form, body, login or stream; `masked` shows the shape of the first value only.
    `at_least`: `count` is a lower bound.
    """

    kind: Kind
    where: str
    field: str
    masked: str
    count: int
    recording: str
    packet: int
    from_client: bool
    at_least: bool = False


class SeenFlow(Value):
    """One declared flow over all recordings.

    Connections are `encrypted` (handshake and cipher text seen), `clear`, or `cannot_tell`; `silent` ones
    carried nothing. `late` ones began before the capture, of `one_sided` ones it shows one direction.
    `lost_bytes` are not in the capture, `unseen_bytes` were not decoded, of `sampled_bytes` only parts were
    looked at.
    """

    name: str
    server: str
    client: str = ""
    purpose: str = ""
    must_be_encrypted: bool = True
    encrypted: int = 0
    clear: int = 0
    cannot_tell: int = 0
    silent: int = 0
    late: int = 0
    one_sided: int = 0
    packets: int = 0
    size_bytes: int = 0
    lost_bytes: int = 0
    unseen_bytes: int = 0
    sampled_bytes: int = 0
    ways: tuple[SeenWay, ...] = ()
    things: tuple[SeenThing, ...] = ()
    things_left_out: int = 0


class CaptureFlows(Facts, tag="capture.flows"):
    """The flows that carry data; looked at `at`, authorised from `begin` to `end` where that is known."""

    recordings: tuple[Recording, ...]
    flows: tuple[SeenFlow, ...]
    at: datetime
    begin: datetime | None = None
    end: datetime | None = None


class CaptureAdmin(Facts, tag="capture.admin"):
    """The flows that administer the asset; fields as in `CaptureFlows`."""

    recordings: tuple[Recording, ...]
    flows: tuple[SeenFlow, ...]
    at: datetime
    begin: datetime | None = None
    end: datetime | None = None
