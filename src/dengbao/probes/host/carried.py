"""Reads a Linux host from the file that `collect-linux.sh` wrote there: the same sections, the same facts."""

from __future__ import annotations

import asyncio

import msgspec

from ...errors import NotSupported
from ...model import Asset, Facts, HostAsset
from ..base import Context, Observed
from ..collected import Collected, carried_in
from .assemble import assemble
from .facts import HostIdentity
from .holes import with_holes


async def probe(asset: Asset, context: Context) -> Observed:
    """Return the host facts that a carried-in file holds.

    Sends: nothing; reads one file in the engagement's folder.
    Changes: nothing.
    Level: observe.

    Raises:
        NotDeclared: the file is not there.
        OutOfScope: it lies outside the engagement's folder.
        Damaged: cut off, altered, or from another platform.
        Stale: older than the profile allows.
        NotSupported: it was not written on Linux.

    """
    if not isinstance(asset, HostAsset):
        raise NotSupported("不是服务器类测评对象", where=asset.id)
    found = await asyncio.to_thread(carried_in, asset, context, "linux")
    context.keep("host.txt", found.data)
    context.say(f"采集于 {found.begun.isoformat()}，主机 {found.host}")
    return await with_holes(observed(found), context)


def observed(found: Collected) -> Observed:
    """Return the facts of an envelope; who wrote it and when stands in `host.identity`."""
    seen = assemble(found.transcript, "")
    root = b"\nuid 0\n" in found.sections["system"].body
    facts = tuple(_stamped(one, found) for one in seen.facts)
    return Observed(facts, seen.missing, found.privilege if root else "user")


def _stamped(facts: Facts, found: Collected) -> Facts:
    if not isinstance(facts, HostIdentity):
        return facts
    return msgspec.structs.replace(
        facts, collector=found.collector, collected_at=found.begun.isoformat(), host_name=found.host
    )
