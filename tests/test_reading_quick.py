"""What is converted without being gone through piece by piece lacks nothing that the slow way would miss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dengbao.errors import UsageError
from dengbao.model import Chapter, Engagement
from dengbao.reading import _info, find_mistakes, read_value
from dengbao.yamlfile import Document, Place, YamlValue, parse
from tests.builders import ENGAGEMENT

ROOT = Path(__file__).parents[1]
STRANGE: tuple[YamlValue, ...] = (
    None, True, 0, 2.0, 1.5, "", " ", "\u3000", "x", "true", "12", "2026-01-01", "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+08:00", [], {}, ["x"], [1.0], [None], {"x": 1}, "10.0.0.1",
)  # fmt: skip
FILES: dict[str, type[msgspec.Struct]] = {
    "templates/engagement/engagement.yaml": Engagement,
    "suites/annex3-2023/05_trusted.yaml": Chapter,
}


def places(value: YamlValue, place: Place = ()) -> Iterator[Place]:
    yield place
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*place, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from places(one, (*place, number))


def with_other(value: YamlValue, place: Place, other: YamlValue) -> YamlValue:
    if not place:
        return other
    step, rest = place[0], place[1:]
    if isinstance(value, dict) and isinstance(step, str):
        return {**value, step: with_other(value[step], rest, other)}
    assert isinstance(value, list)
    assert isinstance(step, int)
    return [*value[:step], with_other(value[step], rest, other), *value[step + 1 :]]


def hold(text: str, shape: type[msgspec.Struct], path: Path) -> None:
    value, _ = parse(text)
    assert isinstance(value, dict)
    read = 0
    for place in places(value):
        for other in STRANGE:
            wrong = with_other(value, place, other)
            if not isinstance(wrong, dict):
                continue
            mistakes = list(find_mistakes(wrong, _info(shape), ()))
            try:
                read_value(Document(path, wrong, b""), shape, UsageError)
            except UsageError:
                continue
            read += 1
            assert mistakes == [], (place, other)
    assert read > 20


@pytest.mark.parametrize("name", FILES)
def test_every_value_replaced_by_each_strange_one(name: str) -> None:
    path = ROOT / name
    hold(path.read_text(encoding="utf-8"), FILES[name], path)


def test_an_engagement_of_several_assets() -> None:
    hold(ENGAGEMENT, Engagement, Path("engagement.yaml"))
