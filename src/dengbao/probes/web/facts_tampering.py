"""What became of the toolkit's own records and messages when they were altered on the way."""

from __future__ import annotations

from datetime import datetime

from ...model import Facts, Value


class ChannelTry(Value):
    """One request over a TLS connection of its own; `altered`: one bit of its record was flipped on the way.

    `ended` is `answered` (with `status`), `alert` (`alert` names it), `closed`, `silent` (nothing came within
    the bound) or `failed` (no connection or no handshake; `alert` says why).
    """

    altered: bool
    ended: str
    at: datetime
    status: int | None = None
    alert: str = ""


class WebTampering(Facts, tag="web.tampering"):
    """A record altered in transit, between two that were not; no `tries` where the scheme is http.

    `request` is the request sent each time, without query values.
    """

    scheme: str
    address: str
    request: str
    tries: tuple[ChannelTry, ...] = ()

    @property
    def control(self) -> bool:
        """Tell whether unaltered requests before and after were answered: only then the altered one tells."""
        plain = [one for one in self.tries if not one.altered]
        return len(plain) > 1 and all(one.ended == "answered" for one in plain)

    @property
    def noticed(self) -> bool | None:
        """Tell whether the other side noticed; None where the tries do not tell."""
        altered = [one for one in self.tries if one.altered]
        if not self.control or not altered:
            return None
        if any(one.ended == "answered" for one in altered):
            return False
        return True if all(one.ended in ("alert", "closed") for one in altered) else None


class MessageTry(Value):
    """One business message as sent.

    `way` is `right`, `altered`, `unsigned`, `wrong_key`, `replayed`, `stale` or `empty`. `field` is the field
    that was altered. `accepted` by the declared markers, or by a status that refuses; None where the answer
    does not tell. `problem` is Chinese: why no answer came.
    """

    way: str
    at: datetime
    field: str = ""
    status: int | None = None
    accepted: bool | None = None
    problem: str = ""


class MessageSeen(Value):
    """A declared business message and what became of each way of sending it.

    `signed`, `timed`, `once`: the engagement declares a signature, a time, a number used once.
    `age_s` is how old the stale message claimed to be.
    """

    id: str
    name: str
    request: str
    role: str
    signed: bool
    timed: bool
    once: bool
    tries: tuple[MessageTry, ...]
    age_s: float | None = None

    def of(self, way: str) -> tuple[MessageTry, ...]:
        """Return the tries of one way."""
        return tuple(one for one in self.tries if one.way == way)

    @property
    def control(self) -> bool:
        """Tell whether the right message was accepted, at first and at the end, and an empty one was not."""
        right = self.of("right")
        return bool(right) and all(one.accepted for one in right) and not self.blind

    @property
    def blind(self) -> bool:
        """Tell whether what is taken for acceptance fits every answer: even an empty message had it."""
        return any(one.accepted for one in self.of("empty"))


class WebMessages(Facts, tag="web.messages"):
    """The declared business messages, each sent right, then altered, unsigned, replayed and stale."""

    messages: tuple[MessageSeen, ...]
