"""The event log: one whole JSON line an event, whoever writes, and nothing secret in it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

from dengbao.events import EventLog
from dengbao.redact import MASK, Redactor
from dengbao.scope import Contact

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def contact(host: str = "his.test", *, admitted: bool = True) -> Contact:
    return Contact(
        at=NOON, asset="his", probe="web.anonymous", host=host, address="192.0.2.1", ports="443",
        admitted=admitted, why="" if admitted else "不在授权地址范围内",
    )  # fmt: skip


def test_contacts_and_notes_are_lines_with_their_time(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", Redactor())
    log.contact(contact(admitted=False))
    log.note("probe_ended", asset="his", facts=3, rate=0.5, nothing=None)
    log.close()
    first, second = lines(tmp_path / "events.jsonl")
    assert first == {
        "event": "contact", "at": "2026-03-01T12:00:00Z", "asset": "his", "probe": "web.anonymous",
        "host": "his.test", "address": "192.0.2.1", "ports": "443", "admitted": False,
        "why": "不在授权地址范围内",
    }  # fmt: skip
    assert (second["event"], second["facts"], second["rate"], second["nothing"]) == (
        "probe_ended",
        3,
        0.5,
        None,
    )
    assert datetime.fromisoformat(str(second["at"])).tzinfo is not None


def test_secrets_and_personal_data_are_masked_and_lines_stay_json(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", Redactor(['quo"te\\pass']))
    log.note("odd", first='is quo"te\\pass here', second="手机 13900000000", third="password=abc-123-x")
    log.close()
    (line,) = lines(tmp_path / "events.jsonl")
    assert line["first"] == f"is {MASK} here"
    assert "13900000000" not in str(line["second"])
    assert "abc-123-x" not in str(line["third"])


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", Redactor())

    def write(number: int) -> None:
        for _ in range(50):
            log.contact(contact(f"host{number}.test"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    log.close()
    assert len(lines(tmp_path / "events.jsonl")) == 400


def test_a_log_is_gone_on_with_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, Redactor())
    log.note("first")
    log.close()
    path.write_bytes(path.read_bytes() + b'{"event": "to')
    log = EventLog(path, Redactor())
    log.note("second")
    log.close()
    assert [one["event"] for one in lines(path)] == ["first", "second"]
