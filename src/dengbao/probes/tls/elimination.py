"""Which suites a server takes, seen by our own hellos: the one it chose is left out of the next offer."""

from __future__ import annotations

from dataclasses import dataclass

from .greeting import Greeting, ask, is_refusal
from .hello import SM_GROUP, TLCP, TLCP_SUITES, TLS13
from .line import Line
from .suites import TLS13_SUITES, suite_rounds


@dataclass(frozen=True)
class Taken:
    """The suites that were chosen; `whole` is False where an answer left the rest unknown."""

    suites: tuple[int, ...] = ()
    whole: bool = False


async def suites_of(line: Line, greeting: Greeting) -> dict[int, Taken]:
    """Return for every version that was chosen when offered which suites are taken.

    Sends: one hello for each suite that is taken and four more, for each version.

    Raises:
        Unreachable, TimedOut: no connection any more.

    """
    chosen = [one for one, answer in greeting.answers.items() if answer.is_hello_of(one)]
    return {one: await _eliminate(line, one, suite_rounds(one)) for one in chosen}


async def tlcp_suites_of(line: Line, *, named: bool) -> Taken:
    """Return which TLCP suites are taken, of those that GB/T 38636 and GM/T 0024 name.

    Raises:
        Unreachable, TimedOut: no connection any more.

    """
    return await _eliminate(line, TLCP, (tuple(TLCP_SUITES),), named=named)


async def takes_sm_group(line: Line) -> bool | None:
    """Return whether TLS 1.3 is chosen when curveSM2 is the only group; None: cannot tell.

    Raises:
        Unreachable, TimedOut: no connection any more.

    """
    answer = await ask(line, TLS13, TLS13_SUITES, groups=(SM_GROUP,))
    if answer.is_hello_of(TLS13):
        return True
    return False if answer.kind == "hello" or is_refusal(answer) else None


async def _eliminate(
    line: Line, version: int, rounds: tuple[tuple[int, ...], ...], *, named: bool = True
) -> Taken:
    taken: list[int] = []
    for offered in rounds:
        left = list(offered)
        while left:
            answer = await ask(line, version, tuple(left), named=named)
            if not answer.is_hello_of(version):
                # Another version was chosen: none of these suites is to be had with this one.
                if answer.kind == "hello" or is_refusal(answer):
                    break
                return Taken(tuple(taken))
            if answer.suite not in left:
                return Taken(tuple(taken))
            left.remove(answer.suite)
            taken.append(answer.suite)
    return Taken(tuple(taken), whole=True)
