"""Files on prepared hosts behind a real sshd: hardened, weak, odd, closed and too large."""

from __future__ import annotations

import gzip
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import msgspec
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, DataPlace, HostAsset, Level, Scope
from dengbao.probes.data.facts import DataScan, ScannedPlace
from tests.servers import host_trees
from tests.servers.sshd import Prepared, Server, running

from .harness import Sight, look
from .test_data_files import PEOPLE, REAL, STORED, fill, sealed

DATA = "/var/lib/his"
ODD = (
    "-rf 名单.csv",
    "two  words.log",
    'it\'s "odd" $(id) `id`.log',
    "line\nbreak.log",
    "末尾\n",
    "[a]*?.log",
)
UNDECIDED = {STORED: "undetermined", REAL: "undetermined"}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="module")
def server(root: Path, key: tuple[Path, str]) -> Iterator[Server]:
    """Run one host whose folders are each of another make."""
    host = Prepared(root)
    host.folder("")
    host_trees.hardened(host)
    for name, uid in (("inspector", 1004), ("viewer", 1005)):
        host_trees.authorize(host, name, uid, key[1])
    data = host.folder(DATA, 0o755)
    fill(data / "weak", PEOPLE, "Abc@123")
    fill(data / "hard", [sealed(one) for one in PEOPLE], "$2b$12$" + "a" * 53)
    (data / "empty").mkdir()
    odd = host.folder(f"{DATA}/odd names")
    for number, name in enumerate(ODD):
        (odd / name).write_text(f"INFO {PEOPLE[number][1]} ok\n", encoding="utf-8")
    special = host.folder(f"{DATA}/special")
    (special / "out").symlink_to("/etc/shadow")
    (special / "folder").symlink_to("/etc")
    (special / "ok.log").write_text("ok\n", encoding="utf-8")
    os.mkfifo(special / "pipe")
    os.mknod(special / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/名单.txt", "".join(f"身份证 {one}\n" for _, one, _ in PEOPLE))
    host.file(f"{DATA}/packed/all.zip.gz", gzip.compress(packed.getvalue()))
    host.file(f"{DATA}/closed/a.log", f"{PEOPLE[0][1]}\n", 0o600)
    host.file(f"{DATA}/closed/b.log", "ok\n")
    host.folder(f"{DATA}/shut", 0o700)
    line = b"2026-11-22 INFO nothing to see here, move along please, all is well today\n"
    with (host.folder(f"{DATA}/large") / "app.log").open("wb") as out:
        for _ in range(200):
            out.write(line * (1_000_000 // len(line)))
        out.write(PEOPLE[0][1].encode())
    with running(host) as found:
        yield found


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)


def host_of(server: Server, key_file: Path, username: str = "inspector", **more: object) -> HostAsset:
    account = Account(id="collector", username=username, key_file=str(key_file), secret="${ENV:HOST_PW}")
    asset = HostAsset(
        id="app", name="应用服务器", address=server.address, host_key=server.host_key, account="collector",
        sudo="nopasswd" if username == "inspector" else "none", accounts=(account,),
    )  # fmt: skip
    return msgspec.structs.replace(asset, **more)


def see(host: HostAsset, *places: DataPlace, scope: Scope | None = None) -> Sight:
    asset = msgspec.structs.replace(host, data=places)
    return look(asset, only=("data.hosts",), scope=scope)


def on(path: str, pattern: str = "", what: str = "") -> DataPlace:
    return DataPlace(path=f"{DATA}/{path}", host="app", pattern=pattern, what=what)


def places(sight: Sight) -> tuple[ScannedPlace, ...]:
    found = sight.facts["data.scan"]
    assert isinstance(found, DataScan)
    return found.places


def unread(place: ScannedPlace) -> dict[str, str]:
    return {one.file: one.reason for one in place.unread}


def test_weak_files_of_a_host_are_found_and_no_value_comes_out(server: Server, key: tuple[Path, str]) -> None:
    sight = see(host_of(server, key[0]), on("weak", what="导出目录"))
    assert sight.verdicts((STORED, REAL)) == {STORED: "nonconform", REAL: "undetermined"}
    (place,) = places(sight)
    found = {one.kind: one for one in place.found}
    assert (found["id_card"].count, found["id_card"].distinct) == (8 * len(PEOPLE), len(PEOPLE))
    assert {one.file for one in found["id_card"].at} >= {"his.sql", "名单.xlsx", "app.log", "all.tar.gz"}
    assert (place.host, place.unread_count) == ("app", 0)
    assert len(sight.contacts) == 1
    told = msgspec.json.encode(places(sight)).decode() + b"".join(sight.raw.values()).decode()
    told += "".join(sight.judge(one).statement for one in (STORED, REAL))
    assert f"app:{DATA}/weak（导出目录）扫描 8 个文件" in told
    for name, card, phone in PEOPLE:
        assert not [one for one in (name, card, phone, "Abc@123") if one in told]


def test_hardened_files_of_a_host_conform_and_an_empty_folder_proves_nothing(
    server: Server, key: tuple[Path, str]
) -> None:
    host = host_of(server, key[0])
    assert see(host, on("hard")).verdicts((STORED, REAL)) == {STORED: "conform", REAL: "conform"}
    assert see(host, on("hard/app.log")).verdicts((STORED,)) == {STORED: "conform"}
    assert see(host, on("hard"), on("empty")).verdicts((STORED, REAL)) == UNDECIDED
    both = see(host, on("hard"), on("weak"))
    assert both.verdicts((STORED,)) == {STORED: "nonconform"}


def test_names_are_only_names(server: Server, key: tuple[Path, str]) -> None:
    (place,) = places(see(host_of(server, key[0]), on("odd names")))
    (found,) = (one for one in place.found if one.kind == "id_card")
    assert (place.files, found.count, place.unread_count) == (len(ODD), len(ODD), 0)
    (one,) = places(see(host_of(server, key[0]), on(f"odd names/{ODD[3]}")))
    assert (one.files, one.path) == (1, f"{DATA}/odd names/line�break.log")


def test_a_pattern_chooses_and_says_so(server: Server, key: tuple[Path, str]) -> None:
    (place,) = places(see(host_of(server, key[0]), on("weak", "*.sql*")))
    assert (place.files, place.path, place.unread_count) == (2, f"{DATA}/weak/*.sql*", 0)
    (place,) = places(see(host_of(server, key[0]), on("", "**/*.zip.gz")))
    (found,) = place.found
    assert (place.files, found.kind, found.count) == (1, "id_card", len(PEOPLE))
    assert found.at[0].member == "a/名单.txt"


def test_links_pipes_and_devices_are_named_and_not_opened(server: Server, key: tuple[Path, str]) -> None:
    sight = see(host_of(server, key[0]), on("special"))
    assert sight.verdicts((STORED, REAL)) == UNDECIDED
    assert unread(places(sight)[0]) == {
        "out": "符号链接，未跟随", "folder": "符号链接，未跟随",
        "pipe": "不是普通文件", "zero": "不是普通文件",
    }  # fmt: skip


def test_without_rights_nothing_is_claimed(server: Server, key: tuple[Path, str]) -> None:
    viewer = host_of(server, key[0], "viewer")
    part = see(viewer, on("closed"))
    assert part.verdicts((STORED, REAL)) == UNDECIDED
    assert unread(places(part)[0]) == {"a.log": "无权读取"}
    none = see(viewer, on("shut"))
    assert none.missing["data.scan"].reason is Reason.NO_PERMISSION
    beside = see(viewer, on("shut"), on("weak"))
    assert beside.verdicts((STORED, REAL)) == {STORED: "nonconform", REAL: "undetermined"}
    assert "无权查看" in places(beside)[0].unread[0].reason
    whole = see(viewer, on("", "*.none"))
    assert any("Permission denied" in one.reason for one in places(whole)[0].unread)


def test_what_is_not_there_and_what_is_forbidden(server: Server, key: tuple[Path, str]) -> None:
    host = host_of(server, key[0])
    assert see(host, on("none")).missing["data.scan"].reason is Reason.UNREACHABLE
    assert see(host, on("special/pipe")).missing["data.scan"].reason is Reason.NOT_DECLARED
    observing = see(host, on("weak"), scope=Scope(level=Level.OBSERVE, addresses=("127.0.0.0/8",)))
    assert observing.missing["data.scan"].reason is Reason.NOT_AUTHORISED
    assert not observing.contacts
    carried = see(msgspec.structs.replace(host, collected="host.txt"), on("weak"))
    assert carried.missing["data.scan"].reason is Reason.NOT_SUPPORTED


def test_a_file_beyond_the_bound_is_read_to_the_bound_and_never_clean(
    server: Server, key: tuple[Path, str]
) -> None:
    sight = see(host_of(server, key[0]), on("large"))
    assert sight.verdicts((STORED, REAL)) == UNDECIDED
    (place,) = places(sight)
    assert place.text_bytes == 128 * 1024 * 1024
    assert unread(place) == {"app.log": "只读了前 134 MB，其余未读"}


@contextmanager
def growing(path: Path) -> Iterator[None]:
    """Let a file gain lines as fast as it can."""
    stop = threading.Event()
    path.write_bytes(b"")

    def write() -> None:
        with path.open("ab", buffering=0) as out:
            while not stop.wait(0.001):
                out.write(b"INFO all is well\n" * 6000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()
        path.unlink()


def test_a_file_that_grows_while_it_is_read_comes_to_an_end(
    server: Server, root: Path, key: tuple[Path, str]
) -> None:
    with growing(root / DATA.lstrip("/") / "grow.log"):
        sight = see(host_of(server, key[0]), on("grow.log"))
    assert sight.verdicts((REAL,))[REAL] in ("conform", "undetermined")
    (place,) = places(sight)
    assert (place.files, place.text_bytes > 0) == (1, True)
    assert sight.verdicts((STORED,)) == {STORED: "undetermined" if place.unread_count else "conform"}
