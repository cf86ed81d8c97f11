"""A zip that is not the one that was sealed, though its files are: what differs is named."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dengbao.cli import main
from dengbao.packet.container import unlike_sealed
from dengbao.packet.dsse import SigningKey
from dengbao.packet.findings import Gravity
from dengbao.packet.opening import opened
from dengbao.packet.seal import Sealed
from dengbao.packet.verify import examine_files

from . import altering

Change = Callable[[zipfile.ZipInfo], None]


def again(source: Path, target: Path, change: Change, *, kind: int = zipfile.ZIP_STORED) -> Path:
    """Pack the same files once more, each with something about it changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", kind) as new:
        for one in old.infolist():
            data = old.read(one)
            info = zipfile.ZipInfo(one.filename, one.date_time)
            info.create_system, info.external_attr, info.compress_type = 3, one.external_attr, kind
            change(info)
            new.writestr(info, data)
    return target


def commented(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = "同意接入".encode()
    return target


def reordered(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for one in reversed(old.infolist()):
            new.writestr(one, old.read(one))
    return target


def between(source: Path, target: Path) -> Path:
    """Put bytes between the members and the directory that no member owns."""
    data = source.read_bytes()
    with zipfile.ZipFile(source) as archive:
        at = archive.start_dir
    end = bytearray(data[at:])
    place = len(end) - 22 + 16
    end[place : place + 4] = (at + 5).to_bytes(4, "little")
    target.write_bytes(data[:at] + b"extra" + end)
    return target


def renamed(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for one in old.infolist():
            data = old.read(one)
            info = zipfile.ZipInfo(f"other/{one.filename.partition('/')[2]}", one.date_time)
            info.create_system, info.external_attr = one.create_system, one.external_attr
            new.writestr(info, data)
    return target


def with_folder(source: Path, target: Path) -> Path:
    target.write_bytes(source.read_bytes())
    with zipfile.ZipFile(target, "a") as archive:
        archive.mkdir(archive.namelist()[0].partition("/")[0])
    return target


def written(change: Callable[[bytes], bytes]) -> Callable[[Path, Path], Path]:
    def made(source: Path, target: Path) -> Path:
        target.write_bytes(change(source.read_bytes()))
        return target

    return made


def _later(one: zipfile.ZipInfo) -> None:
    one.date_time = (2026, 1, 1, 0, 0, 0)


def _extra(one: zipfile.ZipInfo) -> None:
    one.extra = b"\x55\x54\x05\x00\x01\x00\x00\x00\x00"


def _windows(one: zipfile.ZipInfo) -> None:
    one.create_system, one.external_attr = 0, 0


def _told(one: zipfile.ZipInfo) -> None:
    one.comment = b"x"


WAYS: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "a comment": (commented, "带有压缩包注释（12 字节）"),
    "another order": (reordered, "文件次序不同"),
    "other times": (lambda old, new: again(old, new, _later), "时间不同："),
    "extra fields": (lambda old, new: again(old, new, _extra), "附加区不同："),
    "by another program": (lambda old, new: again(old, new, _windows), "属性不同："),
    "comments of members": (lambda old, new: again(old, new, _told), "注释不同："),
    "compressed": (
        lambda old, new: again(old, new, lambda _one: None, kind=zipfile.ZIP_DEFLATED), "压缩方式不同：",
    ),
    "a folder's entry": (with_folder, "多出目录项"),
    "another name of the folder": (renamed, "顶层目录名为“other”"),
    "bytes ahead": (written(lambda data: b"#!/bin/sh\n" + data), "最前面多出 10 字节"),
    "bytes behind": (written(lambda data: data + b"\0\0\0"), "末尾多出 3 字节"),
    "bytes between": (between, "文件之间多出 5 字节"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_repacked_zip_is_named_for_what_it_is(
    sealed: Sealed, key: SigningKey, tmp_path: Path, way: str
) -> None:
    change, told = WAYS[way]
    place = change(sealed.path, tmp_path / "packet.zip")
    with opened(place) as packet:
        found = examine_files(place, packet, (key.public,))
        allowed = examine_files(place, packet, (key.public,), repacked=True)
    assert found.signed, "what it holds is what was sealed"
    assert {one.gravity for one in found.findings} == {Gravity.BROKEN}
    assert any(told in one.message for one in found.findings), found.findings
    assert {one.gravity for one in allowed.findings} == {Gravity.NOTE}


def test_the_sealed_zip_differs_in_nothing(sealed: Sealed) -> None:
    with opened(sealed.path) as packet:
        assert unlike_sealed(sealed.path, packet.root) == ()


def test_a_bit_of_a_header_is_named_by_field(sealed: Sealed, tmp_path: Path) -> None:
    data, chance = sealed.path.read_bytes(), random.Random(7)
    with zipfile.ZipFile(sealed.path) as archive:
        one = chance.choice(archive.infolist())
        begin = archive.start_dir
    place = tmp_path / "packet.zip"
    fields = {one.header_offset + 10: f"{one.filename} 的文件头的时间", begin + 38: "的目录项的属性"}
    for at, told in fields.items():
        place.write_bytes(altering.flipped(data, 8 * at))
        with opened(place) as packet:
            assert not packet.faults
            assert any(told in each for each in unlike_sealed(place, packet.root)), at


def test_at_the_command_line_a_repacked_zip_needs_a_word(
    sealed: Sealed, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "seal.pub"
    public.write_text(key.public.text)
    place = again(sealed.path, tmp_path / "packet.zip", _later)
    assert main(["verify", str(place), "--trust", str(public)]) == 4
    assert "--repacked" in capsys.readouterr().out
    assert main(["verify", str(place), "--trust", str(public), "--repacked"]) == 0
    assert "时间不同" in capsys.readouterr().out
