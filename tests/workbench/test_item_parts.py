"""Parts of the item view that need no page: raw records as text, guidance by platform, phrases."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.catalog.guidance import guidance_for
from dengbao.evidence.interview import kind_of_files, questions_of
from dengbao.facts import FactFile
from dengbao.model import (
    Asset,
    ByHand,
    DatabaseAsset,
    EvidenceKind,
    Guidance,
    HostAsset,
    Item,
    Kind,
    Method,
    Polarity,
    Raw,
    WebAsset,
)
from dengbao.redact import Redactor
from dengbao.rounds import Round, load_round
from dengbao.workbench.item.seen import PAGE_BYTES, answers, raw_page, visible

PLATFORMS = (
    "web",
    "linux",
    "kylin-openeuler",
    "windows-server",
    "postgresql-kingbase",
    "mysql-mariadb",
    "dameng",
)
ITEM = Item(
    id="1.a.1", text="应核查", polarity=Polarity.POSITIVE, methods=(Method.EXAMINE,), kinds=(Kind.HOST,),
    by_hand=ByHand(
        ask="看什么", keep=("screenshot", "config"),
        how=tuple(Guidance(platform=one, steps=one) for one in PLATFORMS),
    ),
)  # fmt: skip


def kept(chosen: Round, data: bytes, probe: str = "odd.look") -> Raw:
    """Store a transcript beside the facts of a round as probes do."""
    store = chosen.store()
    raw = store.keep_raw("conversation", data, Redactor(()))
    now = datetime.now(UTC)
    file = FactFile(
        schema=1, asset="his-db", probe=probe, tool_version="1", begun_at=now, ended_at=now, raw=(raw,)
    )
    store.save(file)
    return raw


def test_a_raw_record_is_shown_page_by_page_and_no_letter_is_lost(hospital: Path) -> None:
    chosen = load_round(hospital)
    text = "".join(f"第{number}行：医院系统\n" for number in range(9000))
    raw = kept(chosen, text.encode())
    pages = [raw_page(chosen, "his-db", raw.sha256, number) for number in range(1, 40)]
    known = [one for one in pages if one is not None]
    assert 1 < known[0].pages < 39
    assert "".join(one.text for one in known[: known[0].pages]) == text
    assert known[-1].number == known[0].pages  # beyond the end the last page is shown


def test_only_raw_records_of_that_asset_are_shown(hospital: Path) -> None:
    chosen = load_round(hospital)
    raw = kept(chosen, b"secret of another asset")
    assert raw_page(chosen, "his-db", raw.sha256, 1) is not None
    assert raw_page(chosen, "system", raw.sha256, 1) is None
    for hostile in ("../../engagement.yaml", "", "0" * 64, raw.sha256.upper()):
        assert raw_page(chosen, "his-db", hostile, 1) is None


def test_what_hides_in_text_is_written_out() -> None:
    assert visible("a\x1b[31mb\u202ec\u2066d\x00e") == "a⟨U+001B⟩[31mb⟨U+202E⟩c⟨U+2066⟩d⟨U+0000⟩e"
    assert visible("一\r\n二\t三") == "一\n二\t三"


@settings(deadline=None, max_examples=30)
@given(data=st.binary(max_size=200), before=st.integers(PAGE_BYTES - 5, PAGE_BYTES + 5))
def test_raw_bytes_of_any_kind_are_shown(
    tmp_path_factory: pytest.TempPathFactory, tested: Path, data: bytes, before: int
) -> None:
    chosen = load_round(tested)
    folder = tmp_path_factory.mktemp("round")
    there = Round(folder, chosen.info, chosen.plan, chosen.engagement)
    raw = kept(there, b"x" * before + data)
    for number in (1, 2):
        found = raw_page(there, "his-db", raw.sha256, number)
        assert found is not None
        assert "\x00" not in found.text


def test_facts_that_records_rest_on_are_found_and_damage_is_told(hospital: Path) -> None:
    chosen = load_round(hospital)
    records = tuple(one for one in chosen.records().values() if one.asset == "his-db" and one.facts)
    assert records
    found, faults = answers(chosen, "his-db", records)
    assert faults == ()
    shown = {(fact.kind, fact.sha256) for one in found for fact in one.facts}
    assert shown == {(fact.fact, fact.sha256) for one in records for fact in one.facts}

    more, _ = answers(chosen, "his-db", (), probes=(found[0].file.probe,))
    assert [one.file.probe for one in more] == [found[0].file.probe]

    path = next((chosen.folder / "facts" / "his-db").glob("*.json"))
    path.write_bytes(path.read_bytes().replace(b'"asset"', b'"Asset"', 1))
    _, faults = answers(chosen, "his-db", records)
    assert len(faults) == 1


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        (HostAsset(id="h", name="h", platform=""), ["linux"]),
        (HostAsset(id="h", name="h", platform="Ubuntu 22.04"), ["linux"]),
        (HostAsset(id="h", name="h", platform="银河麒麟 V10"), ["linux", "kylin-openeuler"]),
        (HostAsset(id="h", name="h", platform="Windows Server 2019"), ["windows-server"]),
        (DatabaseAsset(id="d", name="d", platform="kingbase"), ["postgresql-kingbase"]),
        (DatabaseAsset(id="d", name="d", platform="dm"), ["dameng"]),
        (DatabaseAsset(id="d", name="d", platform="sqlite"), []),
        (WebAsset(id="w", name="w", url="http://127.0.0.1"), ["web"]),
    ],
)
def test_guidance_of_the_assets_platform_comes_first(asset: Asset, expected: list[str]) -> None:
    own, others = guidance_for(ITEM, asset)
    assert [one.platform for one in own] == expected
    assert {one.platform for one in (*own, *others)} == set(PLATFORMS)


def test_the_kind_of_evidence_follows_from_its_files() -> None:
    assert kind_of_files(ITEM, [".png", ".txt"], interviewed=True) is EvidenceKind.SCREENSHOT
    assert kind_of_files(ITEM, [".txt"], interviewed=True) is EvidenceKind.INTERVIEW_NOTE
    assert kind_of_files(ITEM, [".conf"], interviewed=False) is EvidenceKind.CONFIG
    assert questions_of(ITEM) == ("看什么",)
