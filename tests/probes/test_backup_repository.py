"""What pgBackRest says of a repository, as it was recorded, and as it may be said."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from dengbao.errors import NoPermission, NotSupported, ProbeError, ProtocolMismatch
from dengbao.model import BackupAsset
from dengbao.probes.backup.facts import BackupFiles, BackupIntegrity
from dengbao.probes.backup.pgbackrest import read_repository, stanza_of
from dengbao.probes.host.frames import Section, Transcript

UTC_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FULL, INCR = "20261123-001906F", "20261123-001906F_20261123-001917I"


def backup(label: str, stop: int, **more: object) -> dict[str, object]:
    return {
        "label": label, "type": "full", "timestamp": {"start": stop - 9, "stop": stop}, "error": False,
        "info": {"size": 23213844, "delta": 23213844, "repository": {"size": 3062597, "delta": 3062597}},
        "reference": None, **more,
    }  # fmt: skip


def stanza(
    *backups: dict[str, object], name: str = "his", code: int = 0, message: str = "ok"
) -> dict[str, object]:
    status = {"code": code, "message": message}
    return {"name": name, "status": status, "backup": list(backups), "repo": [{"key": 1, "status": status}]}


def read(
    *stanzas: dict[str, object], manifests: tuple[str, ...] = (FULL, INCR), text: str = "",
    tool: str = "there", others: int = 0,
) -> tuple[BackupFiles, BackupIntegrity]:  # fmt: skip
    body = f"N tool {tool}\nN info\n{text or json.dumps(stanzas)}\nN answered 0\n"
    body += "".join(f"N manifest /repo/backup/his/{one}/backup.manifest\n" for one in manifests)
    section = Section("pgbackrest", body.encode(), code=0, limit=1 << 20, nonce="N")
    asset = BackupAsset(id="b", name="", path="/repo", pattern="his", host="db", archive="pgbackrest")
    folder = BackupFiles(
        folder="/repo", pattern="his", looked_at=UTC_NOON, matched=0, files=(), other_entries=others
    )
    return read_repository(Transcript({"pgbackrest": section}, done=True, account="a"), asset, folder)


def test_sets_are_files_newest_first() -> None:
    files, integrity = read(stanza(backup(FULL, 100), backup(INCR, 200, reference=[FULL])))
    assert [(one.name, one.kind, one.size_bytes) for one in files.files] == [
        (f"his/{INCR}", "pgbackrest", 3062597), (f"his/{FULL}", "pgbackrest", 3062597),
    ]  # fmt: skip
    assert [(one.intact, one.cause) for one in integrity.readings] == [(None, "format")] * 2


def test_a_set_counts_only_with_every_manifest_it_builds_on() -> None:
    sets = stanza(backup(FULL, 100), backup(INCR, 200, reference=[FULL]))
    files, _ = read(sets, manifests=(FULL,))
    assert [one.kind for one in files.files] == ["", "pgbackrest"]
    files, _ = read(sets, manifests=(INCR,))
    assert [one.kind for one in files.files] == ["", ""]


def test_pages_that_failed_their_checksum_are_damage() -> None:
    _, integrity = read(stanza(backup(FULL, 100, error=True)))
    assert integrity.readings[0].intact is False
    _, integrity = read(stanza(backup(FULL, 100, error=None)))
    assert integrity.readings[0].intact is None


def test_newer_versions_tell_no_size_of_the_repository() -> None:
    files, _ = read(stanza(backup(FULL, 100, info={"size": 7, "repository": {"delta": 3}})))
    assert files.files[0].size_bytes == 7


@pytest.mark.parametrize(
    ("stanzas", "others", "told"),
    [
        ((stanza(code=2, message="no valid backups"),), 2, 0),
        ((stanza(name="lis"),), 2, 1),
        ((), 3, 3),  # another folder than a repository
        ((), 0, 0),
    ],
)
def test_what_else_lies_there_is_told(stanzas: tuple[dict[str, object], ...], others: int, told: int) -> None:
    files, _ = read(*stanzas, others=others)
    assert (files.matched, files.other_entries) == (0, told)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (
            "[PathOpenError] unable to list file info for path '/repo/backup': [13] Permission denied",
            NoPermission,
        ),
        ("[CryptoError] cipher header invalid HINT: is or was the repo encrypted?", NotSupported),
        ("[FormatError] invalid checksum", NotSupported),
    ],
)
def test_a_repository_that_cannot_be_read_is_no_empty_one(message: str, error: type[ProbeError]) -> None:
    with pytest.raises(error):
        read(stanza(name="[invalid]", code=99, message=message))


def test_no_program_and_no_answer_are_told() -> None:
    with pytest.raises(NotSupported):
        read(tool="absent")
    with pytest.raises(ProtocolMismatch):
        read(text="ERROR: [027]: option unknown")


def test_whose_jobs_are_looked_for() -> None:
    asset = BackupAsset(id="b", name="", path="/repo", host="db", archive="pgbackrest")
    named = BackupAsset(id="b", name="", path="/repo", host="db", archive="pgbackrest", pattern="his")
    other = BackupAsset(id="b", name="", path="/repo", host="db", pattern="his")
    assert (stanza_of(asset), stanza_of(named), stanza_of(other)) == ("*", "his", "")
