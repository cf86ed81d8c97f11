# ruff: noqa: E501 - samples stand side by side
"""What is found in a labelled corpus, by both engines, wherever windows are cut."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dengbao.scanning import CHECKED, FastEngine, Kind, PlainEngine, Scanner
from dengbao.scanning.engines import Engine
from dengbao.scanning.kinds import canonical, masked
from dengbao.scanning.words import is_name, kind_of_column

from .corpus import Corpus, Maker, corpus

ENGINES: list[Engine] = [PlainEngine(), FastEngine()]


@pytest.fixture(scope="module", params=[20261122, 7])
def made(request: pytest.FixtureRequest) -> Corpus:
    return corpus(request.param, 3000)


def found(engine: Engine, text: str) -> Counter[tuple[Kind, bytes]]:
    data = text.encode()
    return Counter((kind, canonical(kind, data[start:end])) for start, end, kind in engine.hits(data, 0))


def expected(made: Corpus) -> Counter[tuple[Kind, bytes]]:
    return Counter((kind, canonical(kind, value.encode())) for kind, value in made.truth)


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.name)
def test_precision_and_recall(made: Corpus, engine: Engine) -> None:
    got, truth = found(engine, made.text), expected(made)
    seen = set()
    for kind in Kind:
        right = sum(count for (one, _), count in (got & truth).items() if one is kind)
        all_found = sum(count for (one, _), count in got.items() if one is kind)
        all_there = sum(count for (one, _), count in truth.items() if one is kind)
        if all_there:
            seen.add(kind)
            assert right / all_found >= 0.99, (kind, "precision")
            assert right / all_there >= 0.99, (kind, "recall")
        else:
            assert not all_found, kind
    assert seen >= CHECKED
    assert len(seen) == 11


def test_both_engines_find_the_same(made: Corpus) -> None:
    data = made.text.encode()
    plain, fast = (one.hits(data, 0) for one in ENGINES)
    assert plain == fast
    assert len(plain) > 1200


def counts(data: bytes, window: int, engine: Engine) -> list[tuple[Kind, int, list[int], list[int]]]:
    scanner = Scanner(engine=engine, window=window)
    scanner.stream(io.BytesIO(data), "a.log")
    report = scanner.report()
    return sorted(
        (
            one.kind,
            one.count,
            [sample.offset for sample in one.samples],
            [sample.line for sample in one.samples],
        )
        for one in report.findings
    )


PIECES = st.sampled_from(
    [
        b"\n", b" ", b"x" * 700, b"9" * 400, "，".encode(), "姓名：".encode(), "张伟".encode(), b"password=Ab1@cdef ",
        b"11010519491231002X", b"13800138000", b"6123451234567893", b"91350100M000100Y43", b"a@b.example.cn", b"\\u53f7",
        b"1101051949", b"1231002X", b"138-0013-8000", b"%", b"\\n", b".", b"0", b"token=", b"abc123DEF456ghi789", b"\"",
    ]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=60), st.integers(1, 900), st.sampled_from(ENGINES))
def test_where_windows_are_cut_changes_nothing(pieces: list[bytes], window: int, engine: Engine) -> None:
    data = b"".join(pieces)
    whole = counts(data, 1 << 22, PlainEngine())
    assert counts(data, window, engine) == whole


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES, max_size=40), st.binary(max_size=60))
def test_engines_agree_on_odd_bytes(pieces: list[bytes], noise: bytes) -> None:
    data = noise.join(pieces)
    plain, fast = (one.hits(data, 0) for one in ENGINES)
    assert plain == fast


@given(st.integers(0, 10_000))
def test_masks_show_too_little_to_tell_anyone(seed: int) -> None:
    make = Maker(seed)
    card = make.id_card()
    shown = masked(Kind.ID_CARD, card.encode())
    assert len(shown) == 18
    assert card[2:17] not in shown
    assert shown[2:17] == "*" * 15
    assert masked(Kind.EMAIL, b"zhang@mail.example.cn") == "z***@***.cn"
    assert masked(Kind.PASSWORD, b"Hn1234@x") == "［8 个字符］"
    assert masked(Kind.NAME, "张伟".encode()) == "张*"


@pytest.mark.parametrize(
    ("column", "table", "kind"),
    [
        ("xm", "", Kind.NAME),
        ("psn_name", "", Kind.NAME),
        ("name", "t_patient", Kind.NAME),
        ("name", "t_drug", None),
        ("user_pwd", "", Kind.PASSWORD),
        ("社会保障卡号", "", Kind.SOCIAL_CARD),
        ("id", "", None),
        ("order_no", "", None),
        ("certno", "", Kind.ID_CARD_15),
    ],
)
def test_what_a_column_holds(column: str, table: str, kind: Kind | None) -> None:
    assert kind_of_column(column, table) is kind


def test_names_begin_with_a_surname() -> None:
    assert is_name("张伟")
    assert is_name("马依提·艾则孜")
    assert not is_name("高血压")
    assert not is_name("内科")
    assert not is_name("张*")
