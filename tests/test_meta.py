"""What holds for the whole house: every room opens alone, everything is named where people look for it."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import click
import msgspec
import pytest

from dengbao import checking, errors, runner
from dengbao.catalog import load_suite
from dengbao.cli import door, main_group
from dengbao.errors import DengbaoError, Reason
from dengbao.probes.base import ProbeSpec
from dengbao.probes.registry import PROBES
from dengbao.pytest_state import BROKE_DOWN

from .live.harness import PROFILE

ROOT = Path(__file__).parents[1]
SUITE = load_suite(ROOT / "suites" / "annex3-2023")
REGISTRY = checking.load(ROOT / "checks")
USED = {use.use for item in SUITE.items() for use in item.checks}


def modules() -> list[str]:
    """Return every module of engine and checks by name."""
    found = [
        ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
        for base, room in ((ROOT / "src", "dengbao"), (ROOT, "checks"))
        for path in sorted((base / room).rglob("*.py"))
        if path.name != "__main__.py"  # importing it is running it
    ]
    assert len(found) > 150
    return found


# ---- modules -------------------------------------------------------------------------------------


# A fresh interpreter that knows nothing of ours; libraries are warm, so that a fork and not a minute of
# importing them stands before each module. Each child imports one module and nothing before it.
ALONE = """
import gc, importlib, os, sys, traceback
for name in sys.argv[1].split():
    importlib.import_module(name)
sys.path.insert(0, sys.argv[2])
gc.disable()
gc.freeze()  # else each child copies the memory that it only counts through
left, running, failed = sys.argv[3:], {}, False
while left or running:
    while left and len(running) < 2:
        name = left.pop()
        child = os.fork()
        if child == 0:
            assert not any(one.partition(".")[0] in ("dengbao", "checks") for one in sys.modules)
            try:
                importlib.import_module(name)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        running[child] = name
    child, status = os.wait()
    name = running.pop(child)
    if status:
        print("failed:", name, flush=True)
"""
LIBRARIES = (
    "asyncssh click cryptography.x509 docx docxtpl filelock httpx jinja2 lxml.etree msgspec nmap PIL.Image "
    "psycopg pymysql pytest rich.console rich.progress rich.table selectolax.lexbor sqlalchemy "
    "starlette.applications uvicorn yaml"
)


@pytest.mark.slow
def test_every_module_is_imported_alone_without_a_warning() -> None:
    """An import that only works after another is a trap."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, LIBRARIES, str(ROOT), *modules()],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_folder_of_checks_is_a_package_that_says_what_it_is() -> None:
    for folder in (ROOT / "checks", *(ROOT / "checks").rglob("*")):
        if folder.is_dir() and folder.name != "__pycache__":
            first = (folder / "__init__.py").read_text(encoding="utf-8").splitlines()[0]
            assert re.fullmatch(r'"""\S.*\."""', first), folder


# ---- suites and checks ---------------------------------------------------------------------------


def test_suites_and_checks_name_each_other_both_ways() -> None:
    assert set(REGISTRY.ids()) - USED == set(), "checks that no item uses"
    assert USED - set(REGISTRY.ids()) == set(), "items that use a check which does not exist"


def test_a_check_is_called_after_its_chapter_and_file() -> None:
    astray = [
        f"{one.check}: {one.source.name}"
        for one in REGISTRY
        if one.check != f"{one.source.parent.name}.{one.source.stem}"
    ]
    assert astray == []


def test_there_are_forty_checks_and_some_in_every_chapter() -> None:
    assert len(REGISTRY.ids()) >= 40
    automatic = {
        chapter.number: sum(bool(item.checks) for clause in chapter.clauses for item in clause.items)
        for chapter in SUITE.chapters
    }
    assert set(automatic) == set(range(1, 11))
    assert all(automatic.values()), automatic


def test_no_two_variants_of_a_file_have_one_name() -> None:
    """The second would hide the first, and its kind of asset would silently be left to people."""
    for path in sorted((ROOT / "checks").rglob("*.py")):
        names = Counter(re.findall(r"^def (\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert [name for name, count in names.items() if count > 1] == [], path


def test_every_threshold_is_used_and_every_parameter_has_one() -> None:
    asked = {field.name for one in REGISTRY if one.params for field in msgspec.structs.fields(one.params)}
    pointed = {
        str(value)[1:]
        for item in SUITE.items()
        for use in item.checks
        for value in use.with_.values()
        if str(value).startswith("$")
    }
    given = {name for item in SUITE.items() for use in item.checks for name in use.with_}
    probes = "\n".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "src/dengbao/probes").rglob("*.py")
    )
    read = {name for name in SUITE.profile if f'"{name}"' in probes}
    assert set(SUITE.profile) - asked - pointed - read == set(), "thresholds that nothing uses"
    assert asked - given - set(SUITE.profile) == set(), "parameters without a threshold"


def test_live_tests_judge_by_names_of_the_profile() -> None:
    assert set(PROFILE) - set(SUITE.profile) == set()


# ---- probes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", PROBES, ids=lambda one: one.name)
def test_a_probe_says_what_it_sends_and_changes_and_at_which_level(spec: ProbeSpec) -> None:
    module, _, name = spec.run.partition(":")
    entry = getattr(importlib.import_module(module), name)
    doc = inspect.getdoc(entry) or ""
    for word in ("Sends:", "Changes:", "Level:", "Raises:"):
        assert re.search(rf"^{word}", doc, re.MULTILINE), f"{spec.name} does not say {word}"
    assert re.search(rf"^Level: {spec.level.value}\b", doc, re.MULTILINE), spec.name
    assert inspect.iscoroutinefunction(entry)
    assert spec.title
    assert spec.timeout_s > 0


def test_names_of_probes_and_facts_are_given_once() -> None:
    assert [name for name, count in Counter(one.name for one in PROBES).items() if count > 1] == []
    kinds: dict[str, set[type]] = {}
    for spec in PROBES:
        for one in spec.facts:
            kinds.setdefault(str(one.__struct_config__.tag), set()).add(one)
    assert [kind for kind, types in kinds.items() if len(types) > 1] == []


# ---- documentation -------------------------------------------------------------------------------


def documentation() -> str:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return "\n".join(path.read_text(encoding="utf-8") for path in pages)


def error_classes() -> list[type[DengbaoError]]:
    rooms = (errors, runner)
    found = (one for room in rooms for one in vars(room).values() if isinstance(one, type))
    return sorted({one for one in found if issubclass(one, DengbaoError)}, key=lambda one: one.__name__)


def test_every_error_is_named_in_the_documentation() -> None:
    text = documentation()
    assert [one.__name__ for one in error_classes() if f"`{one.__name__}`" not in text] == []
    assert [one.value for one in Reason if one.zh not in text] == []


def test_every_exit_code_is_named_in_the_documentation() -> None:
    text = documentation()
    own = {door.EXIT_USAGE, door.EXIT_BUG, door.EXIT_INTERRUPTED, door.EXIT_PIPE, BROKE_DOWN}
    codes = own | {one.exit_code for one in error_classes()} | {0, 1, 3}
    assert [code for code in sorted(codes) if not re.search(rf"^\| `?{code}`? \|", text, re.MULTILINE)] == []


def test_every_command_is_named_in_the_documentation() -> None:
    text = documentation()

    def missing(command: click.Command, path: str) -> list[str]:
        below = command.commands.items() if isinstance(command, click.Group) else ()
        return [
            *([] if f"`{path}`" in text else [path]),
            *(one for name, each in below for one in missing(each, f"{path} {name}")),
        ]

    assert missing(main_group, "dengbao") == []


# ---- what leaves the house -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build source archive and wheel once."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True, timeout=300, check=True,
    )  # fmt: skip
    return out


@pytest.mark.slow
def test_archives_hold_the_content_and_no_evidence(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (source,) = built.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = archive.namelist()
    with tarfile.open(source) as archive:
        in_source = [name.partition("/")[2] for name in archive.getnames()]
    for names in (in_wheel, in_source):
        assert [one for one in names if one.startswith("evidence/") or "_content/evidence" in one] == []
        assert [
            one for one in names if re.search(r"EV-\d{4}|\.pyc$|/runs/|/out/|\.venv|\.engines", one)
        ] == []
    for room in (
        "suites/annex3-2023/suite.yaml",
        "checks/identity/empty_password.py",
        "templates/engagement",
    ):
        assert any(one.startswith(f"dengbao/_content/{room}") for one in in_wheel), room
        assert any(one.startswith(room) for one in in_source), room
    assert "dengbao/_run.ini" in in_wheel
    assert not any(one.startswith("tests/") for one in in_wheel)


def test_no_file_names_a_machine_or_a_registry() -> None:
    """Split, so that this file does not name them either."""
    words = [
        "/wo" + "rk/", "/tm" + "p/w/", "/root/" + ".", "py" + "pi.", "pythonho" + "sted",
        "--index" + "-url", "artifact" + "ory", "--trusted" + "-host",
    ]  # fmt: skip
    # What a host under test has.
    allowed = re.compile(
        r"/root/\.(ssh|bash|profile|config|gnupg|netrc|pgpass|my\.cnf|git-credentials|docker|aws|kube)"
    )
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    found = []
    for name in listed.decode().split("\0"):
        path = ROOT / name
        if not name or not path.is_file():
            continue
        text = allowed.sub("", path.read_bytes().decode("utf-8", "replace"))
        found += [f"{name}: {word}" for word in words if word in text]
    assert found == []
