"""Reads a capture from end to end and answers for each declared flow whether it was encrypted.

Memory is bounded whatever the size: flows are summed up as they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from ..errors import Damaged, NoPermission
from ..model.base import Value
from .answers import Answer, Declared, Tally
from .files import Extent, Source, frames
from .findings import Channel, Flow
from .table import Table

__all__ = ["MOST_KEPT", "Answer", "Declared", "Survey", "survey", "survey_file"]

MOST_KEPT: Final = 10_000  # flows named one by one; those with findings or in clear come first
_MOST_FINDINGS: Final = 20_000  # named one by one in all flows; beyond it a few of each flow
_FEW: Final = 2


class Survey(Value, kw_only=True):
    """What one capture showed; `broken` says in Chinese where it could not be read further."""

    frames: int
    bytes: int
    first_ns: int | None = None
    last_ns: int | None = None
    broken: str = ""
    flows: tuple[Flow, ...] = ()
    flows_left_out: int = 0
    declared: tuple[Answer, ...] = ()
    unread: tuple[tuple[str, int], ...] = ()
    repeated: int = 0


class _Sink:
    def __init__(self, declared: Iterable[Declared]) -> None:
        self._tallies = [Tally(one) for one in declared]
        self._telling: list[Flow] = []
        self._others: list[Flow] = []
        self._left_out = self._named = 0
        self._first_ns: int | None = None
        self._last_ns: int | None = None

    def __call__(self, flow: Flow) -> None:
        for one in self._tallies:
            one.add(flow)
        times = (flow.first_ns, flow.last_ns, self._first_ns, self._last_ns)
        self._first_ns = min((ns for ns in times if ns is not None), default=None)
        self._last_ns = max((ns for ns in times if ns is not None), default=None)
        self._named += len(flow.findings)
        if self._named > _MOST_FINDINGS and len(flow.findings) > _FEW:
            left = sum(one.count for one in flow.findings[_FEW:])
            flow = replace(
                flow, findings=flow.findings[:_FEW], findings_left_out=flow.findings_left_out + left
            )
        kept = self._telling if flow.findings or flow.channel is Channel.CLEAR else self._others
        if len(self._telling) + len(self._others) < MOST_KEPT:
            kept.append(flow)
            return
        self._left_out += 1
        if kept is self._telling and self._others:
            self._others.pop()
            kept.append(flow)

    def survey(self, extent: Extent, table: Table) -> Survey:
        flows = sorted((*self._telling, *self._others), key=lambda one: one.first_packet)
        return Survey(
            frames=extent.frames, bytes=extent.bytes, first_ns=self._first_ns, last_ns=self._last_ns,
            broken=extent.broken, flows=tuple(flows),
            flows_left_out=self._left_out, declared=tuple(one.answer() for one in self._tallies),
            unread=tuple(sorted((kind.value, count) for kind, count in table.unread.items())),
            repeated=table.repeated,
        )  # fmt: skip


def survey(
    source: Source, declared: Iterable[Declared] = (), *, watch: Callable[[Extent], None] | None = None
) -> Survey:
    """Read a capture from an open file or pipe to its end.

    `watch` is told now and then how far it has come.

    Raises:
        Damaged: it is not a capture at all. One that breaks off is read up to there.
        UsageError: an address of a declared flow cannot be read.

    """
    sink = _Sink(declared)
    table, extent = Table(sink), Extent()

    def tell() -> None:
        if watch is not None:
            watch(extent)

    table.take_all(frames(source, extent), tell)
    table.finish()
    return sink.survey(extent, table)


def survey_file(
    path: Path, declared: Iterable[Declared] = (), *, watch: Callable[[Extent], None] | None = None
) -> Survey:
    """Read a capture file of any size.

    Raises:
        Damaged: there is no such file, or it is not a capture.
        NoPermission: it may not be read.
        UsageError: an address of a declared flow cannot be read.

    """
    try:
        with path.open("rb", buffering=0) as source:
            return survey(source, declared, watch=watch)
    except PermissionError:
        raise NoPermission("没有读取抓包文件的权限", where=str(path), cure="请授予读权限后重试") from None
    except OSError as problem:
        raise Damaged(
            f"抓包文件无法读取：{problem.strerror}", where=str(path), cure="请核对路径与磁盘"
        ) from None
    except Damaged as problem:
        problem.where = f"{path} {problem.where}"
        raise
