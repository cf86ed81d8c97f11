"""Drafts: a kill, a second window or a full disk loses no word, and an id never becomes a path."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao import drafts
from dengbao.drafts import Conflict, DraftContent, Saved
from dengbao.errors import StoreError, UsageError
from dengbao.model import Person

from .test_files import room_for

LI: Final = Person(name="李工", org="测试科技")
WANG: Final = Person(name="王工", org="测试科技")
ONE: Final = "a" * 64
TWO: Final = "b" * 64
WRITER: Final = """
import sys
from pathlib import Path
from dengbao import drafts
from dengbao.model import Person
LI = Person(name="李工", org="甲")
base = 0
for number in range(100000):
    content = drafts.DraftContent(fields={"statement": f"第{number}稿" + "经核查，" * 400})
    saved = drafts.save(Path(sys.argv[1]), "1.a.1", "his", content, base=base, by=LI)
    base = saved.version.version
    print(number, flush=True)
"""


def put(folder: Path, base: int, by: Person = LI, **fields: str) -> Saved | Conflict:
    return drafts.save(folder, "1.a.1", "his", DraftContent(fields=fields), base=base, by=by)


def number(found: Saved | Conflict) -> int:
    assert isinstance(found, Saved)
    return found.version.version


def text(folder: Path) -> dict[str, str]:
    return drafts.load(folder, "1.a.1", "his").content.fields


def test_what_is_saved_is_read_back_with_who_and_when(tmp_path: Path) -> None:
    assert drafts.load(tmp_path, "1.a.1", "his").now is None
    first = number(put(tmp_path, 0, statement="经核查，", method="examine", note=" "))
    second = number(put(tmp_path, first, statement="经核查，设口令。", method="examine"))
    now = drafts.load(tmp_path, "1.a.1", "his").now
    assert now is not None
    assert (now.version, now.by) == (second, LI)
    assert now.fields == {"statement": "经核查，设口令。", "method": "examine"}
    assert drafts.load(tmp_path, "1.a.2", "his").now is None


def test_saving_the_same_again_writes_nothing(tmp_path: Path) -> None:
    first = number(put(tmp_path, 0, statement="甲"))
    size = (tmp_path / "drafts" / "1.a.1@his.jsonl").stat().st_size
    assert number(put(tmp_path, first, statement="甲")) == first
    assert (tmp_path / "drafts" / "1.a.1@his.jsonl").stat().st_size == size


def test_only_assets_with_a_draft_of_the_item_are_begun(tmp_path: Path) -> None:
    assert drafts.begun(tmp_path, "1.a.1") == frozenset()
    put(tmp_path, 0, statement="甲")
    drafts.save(tmp_path, "1.a.10", "his", DraftContent(fields={"statement": "乙"}), base=0, by=LI)
    drafts.save(tmp_path, "1.a.1", "db.main", DraftContent(fields={"statement": "丙"}), base=0, by=LI)
    assert drafts.begun(tmp_path, "1.a.1") == {"his", "db.main"}


def test_a_kill_during_saving_loses_no_save_that_was_confirmed(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 12:
        pass
    writer.kill()
    confirmed = [12, *(int(line) for line in writer.stdout.read().splitlines())]
    writer.wait()
    writer.stdout.close()

    kept = drafts.load(tmp_path, "1.a.1", "his")
    texts = [one.fields["statement"] for one in kept.versions]
    assert any(one.startswith(f"第{confirmed[-1]}稿") for one in texts)
    assert number(put(tmp_path, kept.number, statement="接着写")) == kept.highest + 1


@settings(deadline=None, max_examples=40)  # each example waits for the disk
@given(cut=st.integers(0, 400))
def test_a_torn_last_line_is_cut_and_the_rest_stays(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    first = number(put(folder, 0, statement="第一稿"))
    path = folder / "drafts" / "1.a.1@his.jsonl"
    whole = path.stat().st_size
    number(put(folder, first, statement="第二稿"))
    data = path.read_bytes()
    path.write_bytes(data[: min(whole + cut, len(data) - 1)])

    assert text(folder) == {"statement": "第一稿"}
    number(put(folder, first, statement="第三稿"))
    assert text(folder) == {"statement": "第三稿"}


def test_two_windows_that_change_different_fields_are_merged(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲", method="examine"))
    put(tmp_path, base, statement="甲乙", method="examine")
    saved = put(tmp_path, base, WANG, statement="甲", method="test")
    assert isinstance(saved, Saved)
    assert saved.merged
    assert text(tmp_path) == {"statement": "甲乙", "method": "test"}


def test_two_windows_that_change_one_field_keep_both_texts_until_somebody_chooses(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲"))
    put(tmp_path, base, statement="甲乙")
    found = put(tmp_path, base, WANG, statement="甲丙")
    assert isinstance(found, Conflict)
    assert found.fields == ("statement",)
    assert (found.current.fields, found.yours.fields) == ({"statement": "甲乙"}, {"statement": "甲丙"})
    kept = drafts.load(tmp_path, "1.a.1", "his")
    assert text(tmp_path) == {"statement": "甲乙"}
    assert [one.fields["statement"] for one in kept.asides] == ["甲丙"]

    again = drafts.save(
        tmp_path, "1.a.1", "his", DraftContent(fields={"statement": "甲丙丁"}), base=base, by=WANG,
        settles=(found.yours.version,),
    )  # fmt: skip
    assert isinstance(again, Conflict)
    assert [one.fields["statement"] for one in drafts.load(tmp_path, "1.a.1", "his").asides] == ["甲丙丁"]

    drafts.restore(tmp_path, "1.a.1", "his", again.yours.version, by=WANG)
    kept = drafts.load(tmp_path, "1.a.1", "his")
    assert (text(tmp_path), kept.asides) == ({"statement": "甲丙丁"}, ())


def test_a_window_whose_answer_was_lost_does_not_conflict_with_itself(tmp_path: Path) -> None:
    def typed(base: int, text: str) -> Saved | Conflict:
        content = DraftContent(fields={"statement": text})
        return drafts.save(tmp_path, "1.a.1", "his", content, base=base, by=LI, window="w1")

    base = number(typed(0, "甲"))
    typed(base, "甲乙")
    drafts.attach(tmp_path, "1.a.1", "his", ONE, by=LI)
    assert isinstance(typed(base, "甲乙丙"), Saved)
    kept = drafts.load(tmp_path, "1.a.1", "his").content
    assert (kept.fields, kept.files) == ({"statement": "甲乙丙"}, (ONE,))
    assert isinstance(typed(base, "甲乙丙丁"), Saved)
    assert drafts.load(tmp_path, "1.a.1", "his").content.fields == {"statement": "甲乙丙丁"}


def test_the_text_kept_aside_may_be_let_go(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲"))
    put(tmp_path, base, statement="乙")
    found = put(tmp_path, base, statement="丙")
    assert isinstance(found, Conflict)
    drafts.settle(tmp_path, "1.a.1", "his", found.yours.version, by=LI)
    kept = drafts.load(tmp_path, "1.a.1", "his")
    assert (kept.content.fields, kept.asides) == ({"statement": "乙"}, ())
    with pytest.raises(UsageError):
        drafts.settle(tmp_path, "1.a.1", "his", found.yours.version, by=LI)


def test_writers_at_the_same_instant_lose_nothing(tmp_path: Path) -> None:
    results: list[Saved | Conflict] = []

    def write(which: int) -> None:
        results.append(put(tmp_path, 0, statement=f"第{which}人写的"))

    threads = [threading.Thread(target=write, args=(one,)) for one in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    kept = drafts.load(tmp_path, "1.a.1", "his")
    everything = {one.fields["statement"] for one in (*kept.versions, *kept.asides)}
    assert everything == {f"第{one}人写的" for one in range(8)}
    assert sum(isinstance(one, Saved) for one in results) == 1
    assert len({one.version for one in (*kept.versions, *kept.asides)}) == 8


def test_undo_goes_back_step_by_step_and_nothing_is_forgotten(tmp_path: Path) -> None:
    version = 0
    for word in ("一", "二", "三"):
        version = number(put(tmp_path, version, statement=word))
    for expected in ("二", "一"):
        drafts.undo(tmp_path, "1.a.1", "his", by=LI)
        assert text(tmp_path) == {"statement": expected}
    with pytest.raises(UsageError, match="没有可撤销"):
        drafts.undo(tmp_path, "1.a.1", "his", by=LI)

    drafts.restore(tmp_path, "1.a.1", "his", version, by=LI)
    assert text(tmp_path) == {"statement": "三"}
    drafts.undo(tmp_path, "1.a.1", "his", by=LI)
    assert text(tmp_path) == {"statement": "一"}


def test_files_are_attached_and_removed_whatever_is_typed_meanwhile(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲"))
    drafts.attach(tmp_path, "1.a.1", "his", ONE, by=LI)
    number(put(tmp_path, base, statement="甲乙"))  # typed in a form that knew of no file
    assert drafts.load(tmp_path, "1.a.1", "his").content.files == (ONE,)
    drafts.detach(tmp_path, "1.a.1", "his", ONE, by=LI, instead=TWO)
    kept = drafts.load(tmp_path, "1.a.1", "his").content
    assert (kept.files, kept.fields) == ((TWO,), {"statement": "甲乙"})
    drafts.detach(tmp_path, "1.a.1", "his", TWO, by=LI)
    assert drafts.load(tmp_path, "1.a.1", "his").content.files == ()
    drafts.undo(tmp_path, "1.a.1", "his", by=LI)
    assert drafts.load(tmp_path, "1.a.1", "his").content.files == (TWO,)
    with pytest.raises(UsageError):
        drafts.detach(tmp_path, "1.a.1", "his", ONE, by=LI)


def test_a_filed_draft_is_empty_and_an_old_window_is_told_so(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲"))
    assert [(one.item, one.asset) for one in drafts.unfiled(tmp_path)] == [("1.a.1", "his")]
    assert drafts.drop(tmp_path, "1.a.1", "his", version=base, by=LI, filed="EV-0001")
    assert drafts.unfiled(tmp_path) == ()
    again = put(tmp_path, base, statement="甲")  # the button was pressed twice
    assert isinstance(again, Saved)
    assert again.version.filed == "EV-0001"
    found = put(tmp_path, base, statement="甲乙")
    assert isinstance(found, Conflict)
    assert found.current.filed == "EV-0001"
    assert [one.version.fields for one in drafts.unfiled(tmp_path)] == [{"statement": "甲乙"}]


def test_a_draft_that_another_window_changed_is_not_dropped(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲"))
    put(tmp_path, base, statement="甲乙")
    assert not drafts.drop(tmp_path, "1.a.1", "his", version=base, by=LI, filed="EV-0001")
    assert text(tmp_path) == {"statement": "甲乙"}


@pytest.mark.parametrize(
    "hostile", ["../x", "a/b", "a\\b", "", ".", "..", "a..b", "x" * 65, "a@b", "a\0b", "a\n"]
)
def test_an_id_never_becomes_a_path(tmp_path: Path, hostile: str) -> None:
    content = DraftContent(fields={"statement": "甲"})
    for item, asset in ((hostile, "his"), ("1.a.1", hostile)):
        with pytest.raises(UsageError):
            drafts.save(tmp_path, item, asset, content, base=0, by=LI)
        with pytest.raises(UsageError):
            drafts.load(tmp_path, item, asset)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        DraftContent(fields={"statement": "字" * 100_001}),
        DraftContent(fields={f"f{one}": "字" for one in range(121)}),
        DraftContent(fields={"../x": "字"}),
        DraftContent(files=tuple(f"{one:064x}" for one in range(21))),
        DraftContent(files=("../../etc/passwd",)),
    ],
)
def test_what_is_too_much_or_strange_is_refused(tmp_path: Path, content: DraftContent) -> None:
    with pytest.raises(UsageError):
        drafts.save(tmp_path, "1.a.1", "his", content, base=0, by=LI)
    assert drafts.load(tmp_path, "1.a.1", "his").now is None


def test_the_file_stays_small_and_keeps_the_newest_and_the_undecided(tmp_path: Path) -> None:
    long = "字" * 30_000
    base = number(put(tmp_path, 0, statement="甲"))
    put(tmp_path, base, statement="乙")
    assert isinstance(put(tmp_path, base, statement="丙"), Conflict)
    base = drafts.load(tmp_path, "1.a.1", "his").number
    for one in range(60):
        base = number(put(tmp_path, base, statement=f"{long}{one}"))
    assert (tmp_path / "drafts" / "1.a.1@his.jsonl").stat().st_size < 5 * 1024 * 1024 + 200_000
    kept = drafts.load(tmp_path, "1.a.1", "his")
    assert kept.content.fields["statement"].endswith("字59")
    assert [one.fields["statement"] for one in kept.asides] == ["丙"]


def test_a_full_disk_is_told_and_the_earlier_text_stays(tmp_path: Path) -> None:
    base = number(put(tmp_path, 0, statement="甲"))
    with room_for(600), pytest.raises(StoreError, match="无法保存"):
        put(tmp_path, base, statement="乙" * 2000)
    assert text(tmp_path) == {"statement": "甲"}


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    put(tmp_path, 0, statement="甲")
    path = tmp_path / "drafts" / "1.a.1@his.jsonl"
    path.write_bytes(b"{broken\n" + path.read_bytes())
    with pytest.raises(StoreError, match="损坏") as told:
        drafts.load(tmp_path, "1.a.1", "his")
    assert told.value.where.endswith("his.jsonl:1")
