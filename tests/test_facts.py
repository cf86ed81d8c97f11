"""The fact store: whole or not at all, never overwritten, damage noticed and named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dengbao.errors import Interrupted, Reason, StoreError
from dengbao.facts import RAW_LIMIT_BYTES, FactFile, FactStore, as_stored
from dengbao.ledger import FileLedger
from dengbao.model import Facts, Missing, Value
from dengbao.redact import MASK, Redactor

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Door(Value):
    """A value inside facts."""

    name: str
    open: bool | None


class Doors(Facts, tag="test.doors"):
    """Facts of a test."""

    doors: tuple[Door, ...]
    seen_at: datetime


FACTS = Doors(doors=(Door(name="前门", open=True), Door(name="后门", open=None)), seen_at=NOW)


def a_file(**changes: object) -> FactFile:
    given: dict[str, object] = {
        "schema": 1, "asset": "house", "probe": "test.look", "tool_version": "0", "begun_at": NOW,
        "ended_at": NOW, "facts": (as_stored(FACTS),), **changes,
    }  # fmt: skip
    return FactFile(**given)  # type: ignore[arg-type] # the test's own words for the fields


@pytest.fixture
def store(tmp_path: Path) -> FactStore:
    return FactStore(tmp_path, {"test.doors": Doors})


def test_facts_come_back_as_they_were_stored(store: FactStore) -> None:
    store.save(a_file(missing=(Missing(fact="test.keys", reason=Reason.NO_PERMISSION, message="无权限"),)))
    seen = store.see("house", {"test.look": ("test.doors", "test.keys")})
    assert seen.facts == {"test.doors": FACTS}
    assert seen.missing["test.keys"].reason is Reason.NO_PERMISSION
    assert [ref.fact for ref in seen.refs(["test.doors", "test.keys"])] == ["test.doors"]


def test_facts_are_never_overwritten(store: FactStore) -> None:
    store.save(a_file())
    with pytest.raises(StoreError, match="不得覆盖"):
        store.save(a_file())


def test_every_flipped_byte_of_a_stored_answer_is_noticed(store: FactStore) -> None:
    """Flipping a byte may leave valid JSON with another meaning: the digest must tell."""
    store.save(a_file())
    path = store.path_of("house", "test.look")
    good = path.read_bytes()
    before = store.load_file(path)
    for position in range(len(good)):
        broken = bytearray(good)
        broken[position] ^= 0x01
        path.write_bytes(bytes(broken))
        seen = store.see("house", {"test.look": ("test.doors",)})
        if "test.doors" in seen.facts:  # white space between tokens carries no meaning
            assert store.load_file(path) == before
        else:
            assert seen.missing["test.doors"].reason is Reason.DAMAGED
            assert str(path) in seen.missing["test.doors"].message


def test_a_truncated_answer_is_damaged_not_absent(store: FactStore) -> None:
    store.save(a_file())
    path = store.path_of("house", "test.look")
    path.write_bytes(path.read_bytes()[:-20])
    assert store.has("house", "test.look")
    assert [error.where for error in store.damaged()] == [str(path)]


def test_a_changed_or_lost_transcript_is_noticed(store: FactStore, tmp_path: Path) -> None:
    raw = store.keep_raw("script.txt", b"output", Redactor())
    store.save(a_file(raw=(raw,)))
    assert store.damaged() == ()
    (tmp_path / "raw" / raw.sha256).write_bytes(b"outputs")
    assert "已损坏" in str(store.damaged()[0])
    (tmp_path / "raw" / raw.sha256).unlink()
    assert "缺失" in str(store.damaged()[0])


def test_an_answer_moved_to_another_asset_is_noticed(store: FactStore) -> None:
    store.save(a_file())
    other = store.path_of("garden", "test.look")
    other.parent.mkdir(parents=True)
    store.path_of("house", "test.look").rename(other)
    assert store.see("garden", {"test.look": ("test.doors",)}).missing["test.doors"].reason is Reason.DAMAGED


def test_an_unknown_kind_of_facts_is_refused(store: FactStore) -> None:
    store.save(a_file(facts=({"fact": "test.unknown"},)))
    assert "未知的事实种类" in str(store.damaged()[0])


def test_transcripts_are_redacted_and_cut(store: FactStore, tmp_path: Path) -> None:
    raw = store.keep_raw("login.txt", b"password is correct-horse", Redactor(["correct-horse"]))
    text = (tmp_path / "raw" / raw.sha256).read_text(encoding="utf-8")
    assert "correct-horse" not in text
    assert MASK in text
    long = store.keep_raw("long.txt", b"y" * (RAW_LIMIT_BYTES + 5), Redactor())
    assert (tmp_path / "raw" / long.sha256).read_bytes().endswith("［以下截断］\n".encode())


def test_stored_answers_can_be_read_by_people(store: FactStore) -> None:
    store.save(a_file())
    text = store.path_of("house", "test.look").read_text(encoding="utf-8")
    assert "前门" in text
    assert json.loads(text)["facts"][0]["fact"] == "test.doors"


def test_the_digest_of_all_changes_with_any_answer(store: FactStore) -> None:
    empty = store.digest_of_all()
    store.save(a_file())
    one = store.digest_of_all()
    store.save(a_file(probe="test.other", facts=()))
    assert len({empty, one, store.digest_of_all()}) == 3


def test_an_attempt_is_sent_once_whatever_happens(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = FileLedger(path)
    mine = first.for_probe("web", "web.default")
    assert mine.begin("admin") is None
    mine.end("admin", "refused")
    assert mine.begin("root") is None
    first.close()  # killed before the answer to root came

    second = FileLedger(path)
    again = second.for_probe("web", "web.default")
    assert again.begin("admin") == "refused"
    with pytest.raises(Interrupted):
        again.begin("root")
    assert second.for_probe("other", "web.default").begin("admin") is None
    second.close()


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_bytes(b"garbage\n")
    with pytest.raises(StoreError) as caught:
        FileLedger(tmp_path / "ledger.jsonl")
    assert caught.value.where.endswith("ledger.jsonl:1")
