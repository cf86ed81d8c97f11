"""Asks sslyze about one server; runs in sslyze's own environment, never in ours.

Started ahead of its order, so that sslyze is loaded by the time we know what to ask. The order is one line of
JSON on standard input, the answer sslyze's own JSON document on standard output; without an order nothing is
sent. Its command line would do the same, but loads more, knows two numbers of connections only and takes its
order from the start.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from datetime import UTC, datetime


def main() -> None:
    """Load sslyze, wait for the order and carry it out."""
    # Nothing of what follows is garbage before this short-lived process ends.
    gc.disable()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    # Only sslyze's own environment has it.
    import sslyze  # noqa: PLC0415

    line = sys.stdin.readline()
    if not line:
        return
    order = json.loads(line)
    begun = datetime.now(UTC)
    # One server at a time, at the tunnel's near end.
    scanner = sslyze.Scanner(
        per_server_concurrent_connections_limit=order["at_once"], concurrent_server_scans_limit=1
    )
    request = sslyze.ServerScanRequest(
        sslyze.ServerNetworkLocation(order["host"], order["tunnel"], ip_address="127.0.0.1"),
        sslyze.ServerNetworkConfiguration(tls_server_name_indication=order["host"]),
        scan_commands={sslyze.ScanCommand(one) for one in order["commands"]},
    )
    scanner.queue_scans([request])
    results = [sslyze.ServerScanResultAsJson.model_validate(one) for one in scanner.get_results()]
    for one in results:  # where the tunnel leads
        one.server_location = one.server_location.model_copy(update=order["place"])
    document = sslyze.SslyzeOutputAsJson(
        server_scan_results=results,
        invalid_server_strings=[],
        date_scans_started=begun,
        date_scans_completed=datetime.now(UTC),
    )
    sys.stdout.write(document.model_dump_json())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # taking the interpreter apart takes longer than all of the above but the scan
