"""Vulnerability data made up for tests, in the shapes their publishers use."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

GRAVE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
MILD = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"


def osv(
    name: str,
    package: str,
    *,
    fixed: str = "",
    ecosystem: str = "Debian:12",
    score: str = "",
    modified: str = "2026-03-01T00:00:00Z",
    **more: object,
) -> dict[str, object]:
    """Return one OSV record."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    record: dict[str, object] = {
        "id": name, "modified": modified, "schema_version": "1.7.0",
        "affected": [
            {
                "package": {"name": package, "ecosystem": ecosystem, "purl": "pkg:deb/debian/x"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
                "ecosystem_specific": {"urgency": "not yet assigned"},
            }
        ],
    }  # fmt: skip
    if score:
        record["severity"] = [{"type": "CVSS_V3", "score": score}]
    return record | more


def filler(
    count: int, ecosystem: str = "Debian:12", modified: str = "2026-03-01T00:00:00Z"
) -> list[dict[str, object]]:
    """Return records of packages that no host has, so that the data look whole."""
    return [
        osv(f"DEBIAN-CVE-2020-{n:05}", f"nobody-has-{n}", fixed="1", ecosystem=ecosystem, modified=modified)
        for n in range(10_000, 10_000 + count)
    ]


def write_zip(path: Path, records: Iterable[Mapping[str, object]]) -> Path:
    """Write records as the zip that OSV publishes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
    return path


def write_folder(path: Path, records: Iterable[Mapping[str, object]]) -> Path:
    """Write records as files of a folder."""
    path.mkdir(parents=True, exist_ok=True)
    for record in records:
        (path / f"{record['id']}.json").write_text(json.dumps(record), encoding="utf-8")
    return path


def tracker(**packages: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """Return the tracker's JSON: package → CVE → what it says of bookworm (`_` in names stands for `-`)."""
    return {
        name.replace("_", "-"): {
            cve: {
                "description": "made up", "scope": "local",
                "releases": {
                    "bookworm": {"repositories": {"bookworm": "1.0"}, "nodsa": "", **said},
                    "sid": {"status": "resolved", "fixed_version": "99", "repositories": {}, "urgency": ""},
                },
            }
            for cve, said in issues.items()
        }
        for name, issues in packages.items()
    }  # fmt: skip
