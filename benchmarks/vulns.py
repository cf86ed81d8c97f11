"""What it costs to take in a tracker of the real size, and to hold a large host against it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dengbao.probes.host.facts import HostIdentity
from dengbao.probes.host.holes import find_holes
from dengbao.probes.host.system_facts import HostPackages, Package
from dengbao.vulns.load import load

from .figures import Figure, peak_mib

_PACKAGES = 3500
_KERNEL_HOLES = 10_000
_OTHER_HOLES = 10
_INSTALLED = 2000


def figures() -> Iterator[Figure]:
    """Import in a process of its own, whose peak memory is then known; then match in this one."""
    with tempfile.TemporaryDirectory() as folder:
        source, store = Path(folder, "debian.json"), Path(folder, "holes.sqlite")
        _write(source)
        size = source.stat().st_size / 2**20
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(source), str(store)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        took = time.monotonic() - begun
        how = f"{size:.0f} MiB 的合成 Debian 安全跟踪数据，含进程启动，{took:.1f} 秒"
        yield Figure("导入漏洞数据", took / size, 0.5, "秒/MiB", how)
        yield Figure("导入漏洞数据的内存峰值", float(done.stdout), 150, "MiB", how)
        begun = time.monotonic()
        found = find_holes(*_host(), store, datetime.now(UTC).date())
        took = time.monotonic() - begun
        yield Figure(
            "比对一台主机", took, 5, "秒", f"{found.compared} 个源码包，其中内核有 {_KERNEL_HOLES} 个漏洞"
        )


def _write(path: Path) -> None:
    releases = {
        name: {
            "status": "resolved", "fixed_version": "1.5-1", "urgency": "not yet assigned",
            "repositories": {name: "1.5-1", f"{name}-security": "1.4-1"},
        }
        for name in ("bullseye", "bookworm", "trixie", "forky", "sid")
    }  # fmt: skip
    issue = {"description": "x" * 300, "scope": "local", "releases": releases}
    with path.open("w", encoding="ascii") as out:
        for number in range(_PACKAGES):
            count = _OTHER_HOLES if number else _KERNEL_HOLES
            issues = {f"CVE-2024-{10_000 + one}": issue for one in range(count)}
            name = f"package-{number}" if number else "linux"
            out.write(f"{',' if number else '{'}{json.dumps(name)}: {json.dumps(issues)}")
        out.write("}")


def _host() -> tuple[HostPackages, HostIdentity]:
    kernel = Package(name="linux-image-6.1.0-1", version="1.4-1", source="linux", source_version="1.4-1")
    others = (
        Package(name=f"package-{one}", version="1.4-1", source=f"package-{one}", source_version="1.4-1")
        for one in range(1, _INSTALLED)
    )
    return (
        HostPackages(manager="dpkg", packages=(kernel, *others), clock_s=0),
        HostIdentity(system="Linux", kernel="6.1.0-1", distribution="debian", version="12"),
    )


if __name__ == "__main__":
    today = datetime.now(UTC)
    load(Path(sys.argv[2]), [Path(sys.argv[1])], now=today, day=today.date())
    print(peak_mib())
