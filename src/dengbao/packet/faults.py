"""What keeps a round from being sealed: each with its place, what is wrong, and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ..errors import DengbaoError, UsageError
from ..model import Allowed, Person, Value

_SHORTEST_REASON = 4


class Sort(StrEnum):
    """What a fault is: only `PERSONAL` may be let pass, by two people; `INCOMPLETE` is not done yet."""

    INCOMPLETE = "incomplete"
    PERSONAL = "personal"
    FAULT = "fault"


class Fault(Value):
    """One thing that keeps a round from being sealed; `place` is a file of the packet or an item."""

    place: str
    message: str
    cure: str
    sort: Sort = Sort.FAULT


class Waiver(Value):
    """What two people looked at and let pass: the places, why, and who agreed with the sealer."""

    places: tuple[str, ...] = ()
    why: str = ""
    agreed: Person | None = None


class GateClosed(DengbaoError):
    """A round may not be sealed; every reason is told at once."""

    exit_code = 4

    def __init__(self, faults: Sequence[Fault]) -> None:
        told = tuple(DengbaoError(one.message, where=one.place, cure=one.cure) for one in faults)
        super().__init__(f"不能封存，有 {len(told)} 处须先处理：", also=told)
        self.faults = tuple(faults)
        if all(one.sort is Sort.INCOMPLETE for one in faults):
            self.exit_code = 3


def fault_of(error: DengbaoError, place: str) -> tuple[Fault, ...]:
    """Return an error, and those it brings along, as faults."""
    return tuple(
        Fault(place=one.where or place, message=one.message, cure=one.cure) for one in (error, *error.also)
    )


def let_pass(
    faults: Sequence[Fault], waiver: Waiver, by: Person
) -> tuple[tuple[Fault, ...], tuple[Allowed, ...]]:
    """Return the faults that stay, and those that two people let pass.

    Raises:
        UsageError: the waiver is not one of two people with a reason, or names what cannot be let pass.

    """
    if not waiver.places:
        return tuple(faults), ()
    if waiver.agreed is None or len(waiver.why.strip()) < _SHORTEST_REASON:
        raise UsageError(
            "放行须写明理由与第二人",
            where="--allow",
            cure="加 --why 理由 --agreed 姓名/单位，第二人不得是封存人",
        )
    if waiver.agreed.same_as(by):
        raise UsageError("放行的第二人与封存人是同一人", where="--agreed", cure="须由另一人查看后同意")
    _refuse_strangers(faults, waiver)
    passed = tuple(
        Allowed(place=one.place, what=one.message, why=waiver.why.strip(), by=by, agreed=waiver.agreed)
        for one in faults
        if one.place in waiver.places and one.sort is Sort.PERSONAL
    )
    stay = (one for one in faults if one.place not in waiver.places or one.sort is not Sort.PERSONAL)
    return tuple(stay), passed


def _refuse_strangers(faults: Sequence[Fault], waiver: Waiver) -> None:
    for place in waiver.places:
        sorts = {one.sort for one in faults if one.place == place}
        if not sorts:
            raise UsageError(
                f"“{place}”处没有须放行的发现", where="--allow", cure="照抄所列的位置，或去掉此项"
            )
        if Sort.PERSONAL not in sorts:
            raise UsageError(
                f"“{place}”处的问题不能放行",
                where="--allow",
                cure="只有个人信息可由两人查看后放行，其余须先处理",
            )
