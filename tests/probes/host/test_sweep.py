"""The search for what everybody can write, run with the tools of a full system and with BusyBox."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from dengbao.probes.host.collect import script
from dengbao.probes.host.frames import Transcript, parse_transcript
from dengbao.probes.host.identity_facts import HostRights
from dengbao.probes.host.parse_identity import read_rights

_PATH = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"'
_TOOLS = (
    "sh",
    "find",
    "stat",
    "head",
    "tail",
    "grep",
    "sed",
    "timeout",
    "cat",
    "ls",
    "sort",
    "tr",
    "cut",
    "readlink",
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make folders open and closed, with files in them; the way to them is open to all."""
    for path, mode in (("open", 0o777), ("sticky", 0o1777), ("closed", 0o700), ("plain", 0o755)):
        folder = tmp_path / "root" / path
        folder.mkdir(parents=True)
        (folder / "file").write_text("x\n", encoding="ascii")
        (folder / "file").chmod(0o666)
        folder.chmod(mode)
    (tmp_path / "root" / "plain" / "own").write_text("x\n", encoding="ascii")
    return tmp_path / "root"


def run(tree: Path, tools: str, mounts: Path | None = None) -> HostRights:
    """Run the two sections that these facts come from, with the tree in place of the folders."""
    whole = script().decode()
    head = whole[: whole.index("# The slow sections run")].replace(_PATH, "")
    bodies = "".join(_section(whole, name) for name in ("sweep", "places"))
    bodies = re.sub(r"for one in /etc /root .*?; do", f"for one in {tree}; do", bodies, count=1)
    if mounts is not None:
        bodies = bodies.replace("done </proc/mounts", f"done <{mounts}")
    done = subprocess.run(
        ["sh", "-s", "dengbao-0"],
        input=(head + bodies).encode(),
        stdout=subprocess.PIPE,
        env={"PATH": tools},
        check=True,
    )
    sections, _ = parse_transcript(done.stdout, "dengbao-0")
    found = read_rights(Transcript(sections, done=True))
    assert found.searched[0] == str(tree)
    return found


def _section(whole: str, name: str) -> str:
    found = re.search(rf"^section {name} .*?^'$\n", whole, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group()


def busybox(tmp_path: Path) -> str:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in _TOOLS:
        (folder / name).symlink_to("/usr/bin/busybox")
    return str(folder)


@pytest.mark.parametrize("kind", ["full", "busybox"])
def test_what_everybody_can_write_is_found(tree: Path, tmp_path: Path, kind: str) -> None:
    found = run(tree, "/usr/bin:/bin" if kind == "full" else busybox(tmp_path))
    assert {one.path for one in found.open_files or ()} == {
        f"{tree}/{one}/file" for one in ("open", "sticky", "plain")
    }
    assert [one.path for one in found.open_folders or ()] == [f"{tree}/open"]


@pytest.mark.parametrize("kind", ["full", "busybox"])
def test_file_systems_mounted_below_are_searched_or_named(tmp_path: Path, kind: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # everybody may go there, unlike in tmp_path
        tree = Path(name)
        tree.chmod(0o755)
        deep = tree / "a/b/c/d/volume"
        deep.mkdir(parents=True)
        (tree / "closed").mkdir(mode=0o700)
        (deep / "file").write_text("x\n", encoding="ascii")
        (deep / "file").chmod(0o666)
        below = [("a/b/c/d/volume", "ext4"), ("a/nas", "nfs4"), ("closed/nas", "nfs4"), ("a/proc", "proc")]
        below += [("a/two\\040words", "xfs")]
        mounts = tmp_path / "mounts"
        lines = "".join(f"/dev/x {tree}/{path} {kind} rw 0 0\n" for path, kind in below)
        mounts.write_text(f"/dev/y / ext4 rw 0 0\n{lines}", encoding="ascii")
        tools = "/usr/bin:/bin" if kind == "full" else busybox(tmp_path)
        found = run(tree, tools, mounts)
        assert found.searched == (str(tree), str(deep))
        assert [one.path for one in found.open_files or ()] == [f"{deep}/file"]
        assert found.skipped == (f"{tree}/a/nas nfs4", f"{tree}/a/two\\040words xfs")
        assert run(tree, tools).skipped == ()


@pytest.mark.parametrize("kind", ["full", "busybox"])
def test_a_linked_place_is_searched_below_where_it_leads(tmp_path: Path, kind: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        volume = place / "mnt/data/volume"
        volume.mkdir(parents=True)
        (volume / "file").write_text("x\n", encoding="ascii")
        (volume / "file").chmod(0o666)
        (place / "data").symlink_to(place / "mnt/data")
        mounts = tmp_path / "mounts"
        mounts.write_text(
            f"/dev/x {volume} ext4 rw 0 0\nnas:/a {place}/mnt/data/nas nfs4 rw 0 0\n", encoding="ascii"
        )
        found = run(place / "data", "/usr/bin:/bin" if kind == "full" else busybox(tmp_path), mounts)
        assert found.searched == (str(place / "data"), str(volume))
        assert found.skipped == (f"{place}/mnt/data/nas nfs4",)
