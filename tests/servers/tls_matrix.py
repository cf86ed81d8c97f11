"""All TLS servers of the matrix at once, by name: nginx, 国密, ancient, plain, silent and none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import gm, tls

# What else is there beside the sites of nginx.
PEERS: Final = ("tlcp", "sm_tls", "both", "old")
OTHERS: Final = ("tlcp_expired", "single", "plain", "dropping", "half", "silent", "closed")
NAMES: Final = (*tls.SITES, *PEERS, *OTHERS)


@dataclass(frozen=True)
class Place:
    """Where a server of the matrix listens, and the CA file that its endpoint would declare."""

    port: int
    ca_file: str = ""


@contextmanager
def matrix() -> Iterator[dict[str, Place]]:
    """Run every server of `NAMES`."""
    with ExitStack() as stack:
        enter = stack.enter_context
        folder = Path(enter(tempfile.TemporaryDirectory(prefix="dengbao-matrix-")))
        nginx = enter(tls.nginx())
        places = {site: Place(port, nginx.ca_file) for site, port in nginx.ports.items()}
        usual = gm.mint_sm(folder / "sm")
        (usual / "rsa.pem").write_bytes(Path(nginx.files["good"]).read_bytes())
        for mode in PEERS:
            places[mode] = Place(enter(gm.peer(mode, usual)), nginx.ca_file)
        expired = gm.mint_sm(folder / "expired", days=-1)
        places["tlcp_expired"] = Place(enter(gm.peer("tlcp", expired)))
        single = tls.s_server(nginx.files["good"], "-www", "-no_tls1_3")
        places["single"] = Place(enter(single), nginx.ca_file)
        places["plain"] = Place(nginx.plain)
        places["dropping"] = Place(enter(tls.answering(tls.hang_up)))
        places["half"] = Place(enter(tls.answering(tls.break_off)))
        places["silent"] = Place(enter(tls.silent()))
        places["closed"] = Place(tls.free_ports(1)[0])
        yield places
