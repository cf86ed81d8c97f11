"""A folder of checks is loaded whole, or its author is told which line is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dengbao import checking
from dengbao.errors import ContentError
from dengbao.model import kind_of

HEAD = """
from dengbao.checking import Params, check
from dengbao.model import Asset, Criterion, Facts, HostAsset, Judgement, WebAsset

class Doors(Facts, tag="test.doors"):
    open: bool

class Keys(Facts, tag="test.keys"):
    count: int

class Limits(Params):
    most: int = 3

SEEN = Criterion(name="x", question="？", met=True, measured="是", fact="test.doors")
YES = Judgement(criteria=(SEEN,), statement="经核查，是。")
"""
SOUND = (
    HEAD
    + '''
@check("house.doors")
def doors_are_shut(doors: Doors, keys: Keys | None, limits: Limits, asset: WebAsset | HostAsset) -> Judgement:
    """Judge doors.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    return YES
'''
)


def write(folder: Path, **files: str) -> Path:
    """Write a folder of checks; `house` becomes `house.py`, `room__bed` becomes `room/bed.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").touch()
    for name, text in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_a_variant_tells_facts_params_and_asset_apart_by_annotation(tmp_path: Path) -> None:
    registry = checking.load(write(tmp_path / "checks", house=SOUND))
    (variant,) = registry.of("house.doors")
    assert [(one.name, kind_of(one.facts), one.optional) for one in variant.needs] == [
        ("doors", "test.doors", False),
        ("keys", "test.keys", True),
    ]
    assert variant.params is not None
    assert variant.params.__name__ == "Limits"
    assert (variant.params_name, variant.asset_name) == ("limits", "asset")
    assert variant.source == tmp_path / "checks" / "house.py"
    assert variant.doc.startswith("Judge doors.")
    assert variant.function.__name__ == "doors_are_shut"


def test_checks_are_listed_by_id_and_unknown_ones_have_no_variant(tmp_path: Path) -> None:
    shorter = SOUND.replace("house.doors", "a.first").replace("test.", "test2.")
    registry = checking.load(write(tmp_path / "checks", house=SOUND, room__bed=shorter))
    assert registry.ids() == ("a.first", "house.doors")
    assert [one.check for one in registry] == ["a.first", "house.doors"]
    assert registry.of("house.windows") == ()


def test_a_check_imported_from_a_neighbour_is_counted_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "checks", house=SOUND, room__bed="from ..house import doors_are_shut\n")
    assert len(list(checking.load(folder))) == 1


def test_the_same_folder_may_be_loaded_twice(tmp_path: Path) -> None:
    folder = write(tmp_path / "checks", house=SOUND)
    assert checking.load(folder).ids() == checking.load(folder).ids()


def test_two_folders_do_not_disturb_each_other(tmp_path: Path) -> None:
    first = checking.load(write(tmp_path / "one", house=SOUND))
    second = checking.load(write(tmp_path / "two", house=SOUND.replace("house.doors", "house.gates")))
    assert (first.ids(), second.ids()) == (("house.doors",), ("house.gates",))


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    def judge() -> None:
        """Do nothing."""

    assert checking.check("a.b")(judge) is judge  # type: ignore[type-var] # no check, only a function


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("raise KeyError('x')\n", "KeyError"),
    ],
)
def test_a_file_that_does_not_load_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder = write(tmp_path / "checks", house=text)
    with pytest.raises(ContentError, match=message) as caught:
        checking.load(folder)
    assert caught.value.where == str(folder / "house.py")
    assert caught.value.cure


def test_a_folder_whose_init_breaks_is_named_until_it_is_mended(tmp_path: Path) -> None:
    folder = write(tmp_path / "checks", house=SOUND)
    (folder / "__init__.py").write_text("1 / 0\n", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(ContentError, match="ZeroDivisionError") as caught:
            checking.load(folder)
        assert caught.value.where == str(folder / "__init__.py")
    (folder / "__init__.py").write_text("# mended, and of another length\n", encoding="utf-8")
    assert checking.load(folder).ids() == ("house.doors",)


def test_a_folder_without_init_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"缺少 __init__\.py") as caught:
        checking.load(tmp_path)
    assert caught.value.cure


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("doors: Doors) -> bool", "必须返回 Judgement"),
        ("doors: Doors)", "必须返回 Judgement"),
        ("doors: Dors) -> Judgement", "注解无法解析"),
        ("doors: Asset.nothing) -> Judgement", "注解无法解析"),
        ("doors: Doors, more) -> Judgement", "more 没有注解"),
        ("doors: Doors, more: int) -> Judgement", "more 类型不明"),
        ("doors: Doors, more: int | str) -> Judgement", "more 类型不明"),
        ("doors: Doors, more: int | None) -> Judgement", "more 类型不明"),
        ("doors: Doors, more: 'list[int]') -> Judgement", "more 类型不明"),
        ("doors: Doors, one: Limits, two: Limits) -> Judgement", "two 类型不明"),
        ("doors: Doors, one: WebAsset, two: HostAsset) -> Judgement", "two 类型不明"),
        ("doors: Doors | None) -> Judgement", "至少要用一种事实"),
        (") -> Judgement", "至少要用一种事实"),
    ],
)
def test_a_signature_that_is_not_understood_is_refused_with_its_line(
    tmp_path: Path, arguments: str, message: str
) -> None:
    head = "from __future__ import annotations\n" + HEAD
    text = f'{head}\n@check("house.doors")\ndef judge({arguments}:\n    return YES\n'
    folder = write(tmp_path / "checks", house=text)
    with pytest.raises(ContentError, match=message) as caught:
        checking.load(folder)
    path, _, line = caught.value.where.rpartition(":")
    assert path == str(folder / "house.py")
    assert text.splitlines()[int(line) - 1].startswith(("@check", "def judge"))
    assert caught.value.cure


def test_a_check_may_take_any_asset(tmp_path: Path) -> None:
    text = (
        HEAD + '@check("house.doors")\ndef judge(doors: Doors, asset: Asset) -> Judgement:\n    return YES\n'
    )
    (variant,) = checking.load(write(tmp_path / "checks", house=text)).of("house.doors")
    assert variant.asset_name == "asset"
    assert variant.params is None
    assert variant.doc == ""
