"""Files carried in: what is taken, what is refused, and with which cure."""

from __future__ import annotations

import asyncio
import codecs
import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dengbao.catalog import load_engagement
from dengbao.errors import Damaged, NotDeclared, OutOfScope, ProbeError, Stale, UsageError
from dengbao.model import HostAsset, Level, Raw, Scope, kind_of
from dengbao.probes.base import Context
from dengbao.probes.collected import LIMIT_BYTES, open_collected, read_collected, require_fresh
from dengbao.probes.host.carried import probe
from dengbao.probes.host.facts import HostAccounts, HostIdentity, HostPasswords
from dengbao.probes.registry import probes_for
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets
from tests.builders import ENGAGEMENT, write_engagement
from tests.live.harness import MemoryLedger
from tests.probes.envelopes import NONCE, SYSTEM, envelope, frame, sealed, unsealed

PASSWD = f"\n{NONCE} file ok /etc/passwd\nroot:<x>:0:0::/root:/bin/bash\n\n{NONCE} eof\n"
SHADOW = f"\n{NONCE} file ok /etc/shadow\nroot:<6>:19000:0:90:7:::\n\n{NONCE} eof\n"
BEGUN = datetime.fromisoformat("2026-03-01T10:00:00+08:00")


def test_a_whole_file_gives_header_and_sections() -> None:
    found = read_collected(envelope(frame("passwd", PASSWD)), where="f")
    assert (found.platform, found.host, found.privilege) == ("linux", "srv-his01", "root")
    assert found.begun == BEGUN
    assert set(found.sections) == {"system", "passwd"}
    assert found.transcript.section("system").text == SYSTEM
    assert found.transcript.done


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: codecs.BOM_UTF8 + data,
        lambda data: codecs.BOM_UTF16_LE + data.decode().encode("utf-16-le"),
        lambda data: data + b"\n\n",
    ],
    ids=["crlf", "bom", "utf-16 with the digest over its text", "blank lines behind"],
)
def test_forms_that_windows_writes_are_read(change: Callable[[bytes], bytes]) -> None:
    data = change(envelope(frame("passwd", PASSWD)))
    if b"\r\n" in data:  # the digest is over the bytes as they lie there
        data = sealed(data[: data.rindex(b"sha256:")])
    assert set(read_collected(data, where="f").sections) == {"system", "passwd"}


def test_a_digest_over_utf_16_bytes_counts_too() -> None:
    text = unsealed(frame("system", SYSTEM)).replace("\n", "\r\n")
    raw = codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    line = f"sha256: {hashlib.sha256(raw).hexdigest()}\r\n".encode("utf-16-le")
    assert set(read_collected(raw + line, where="f").sections) == {"system"}


WHOLE = envelope(frame("passwd", PASSWD))
HOSTILE = {
    "empty": (b"", "不是采集脚本"),
    "something else": (b"PK\x03\x04" + bytes(500), "不是采集脚本"),
    "cut in the middle": (WHOLE[: len(WHOLE) // 2], "不完整"),
    "one letter changed": (WHOLE.replace(b"uid 0", b"uid 1"), "校验值不符"),
    "utf-16 torn": (codecs.BOM_UTF16_LE + b"d\x00\x00\xd8", "编码已损坏"),
    "stopped on the way": (sealed(unsealed(frame("system", SYSTEM), done=False)), "中途停止"),
    "of a later version": (sealed(unsealed(magic="dengbao-collect 2")), "版本"),
    "header without its end": (sealed("dengbao-collect 1\nplatform: linux\n"), "头部"),
    "no host": (envelope(host=""), "host"),
    "short nonce": (envelope(nonce="abc"), "nonce"),
    "made-up privilege": (envelope(privilege="god"), "privilege"),
    "time without zone": (envelope(begun="2026-03-01T10:00:00"), "时区"),
    "no time": (envelope(begun="yesterday"), "采集时间"),
    "section inside a section": (
        envelope(frame("passwd", frame("shadow", "root::0\n"))), "错乱"
    ),
    "section twice": (envelope(frame("passwd", PASSWD), frame("passwd", PASSWD)), "错乱"),
    "end of another": (
        envelope(frame("passwd", PASSWD).replace("end passwd", "end shadow")), "错乱"
    ),
    "no line for stderr": (
        sealed(unsealed(f"\n{NONCE} begin a 9\nx\n{NONCE} end a\n{NONCE} close a\n")), "错乱"
    ),
    "more behind the end": (
        sealed(unsealed(frame("system", SYSTEM)) + frame("passwd", PASSWD)), "错乱"
    ),
    "limit that is no number": (
        envelope(frame("passwd", PASSWD).replace("65536", "9" * 5000)), "错乱"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_a_whole_envelope_is_refused_with_place_and_cure(data: bytes, said: str) -> None:
    with pytest.raises(Damaged) as caught:
        read_collected(data, where="evidence/collected/x.txt")
    assert said in caught.value.message
    assert caught.value.where == "evidence/collected/x.txt"
    assert caught.value.cure


def test_thousands_of_ends_cost_no_more_than_reading() -> None:
    many = f"\n{NONCE} end system\n" * 200_000
    begun = time.process_time()
    with pytest.raises(Damaged):
        read_collected(sealed(unsealed(f"\n{NONCE} begin system 9\n", many)), where="f")
    assert time.process_time() - begun < 5


def test_files_that_cannot_be_opened_say_why(tmp_path: Path) -> None:
    with pytest.raises(NotDeclared, match="没有采集文件"):
        open_collected(tmp_path / "absent.txt")
    with pytest.raises(NotDeclared, match="不是普通文件"):
        open_collected(tmp_path)
    big = tmp_path / "big.txt"
    with big.open("wb") as file:
        file.truncate(LIMIT_BYTES + 1)
    with pytest.raises(Damaged, match="64 MiB"):
        open_collected(big)


@pytest.mark.parametrize(
    ("age", "said"),
    [(timedelta(days=31), "超过 30 天"), (timedelta(days=-2), "晚于现在"), (timedelta(days=29), "")],
)
def test_age_is_held_against_the_profile(age: timedelta, said: str) -> None:
    found = read_collected(envelope(), where="f")
    profile = {"collected_max_age_days": 30}
    if not said:
        require_fresh(found, profile, where="f", now=BEGUN + age)
        return
    with pytest.raises(Stale, match=said):
        require_fresh(found, profile, where="f", now=BEGUN + age)


# ---- the probe -----------------------------------------------------------------------------------


def _context(folder: Path) -> Context:
    redactor = Redactor()
    return Context(
        guard=Guard(Scope(level=Level.OBSERVE), log=lambda _contact: None), secrets=Secrets(redactor),
        keep=lambda name, data: Raw(name=name, sha256="", size_bytes=len(data)),
        ledger=MemoryLedger(), profile={"collected_max_age_days": 30}, folder=folder,
    )  # fmt: skip


def _host(path: str, address: str = "") -> HostAsset:
    return HostAsset(id="h", name="主机", address=address, collected=path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def test_the_probe_brings_the_facts_of_the_sections(tmp_path: Path) -> None:
    (tmp_path / "h.txt").write_bytes(envelope(frame("passwd", PASSWD), frame("shadow", SHADOW), begun=_now()))
    seen = asyncio.run(probe(_host("h.txt"), _context(tmp_path)))
    facts = {kind_of(one): one for one in seen.facts}
    identity, passwords = facts["host.identity"], facts["host.passwords"]
    assert isinstance(identity, HostIdentity)
    assert (identity.host_name, identity.collector) == ("srv-his01", "collect-linux.sh 1.0")
    assert identity.collected_at
    assert isinstance(passwords, HostPasswords)
    assert [(one.account, one.max_days) for one in passwords.entries] == [("root", 90)]
    assert kind_of(HostAccounts) in {one.fact for one in seen.missing}
    assert seen.privilege == "root"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_bytes(envelope(begun=_now()))
    folder = tmp_path / "engagement"
    folder.mkdir()
    (folder / "link.txt").symlink_to(outside)
    with pytest.raises(OutOfScope):
        asyncio.run(probe(_host("link.txt"), _context(folder)))


def test_old_and_foreign_files_bring_nothing(tmp_path: Path) -> None:
    for data, error in ((envelope(), Stale), (envelope(platform="windows", begun=_now()), Damaged)):
        (tmp_path / "h.txt").write_bytes(data)
        with pytest.raises(ProbeError) as caught:
            asyncio.run(probe(_host("h.txt"), _context(tmp_path)))
        assert isinstance(caught.value, error)


def test_which_probes_look_at_a_carried_in_host() -> None:
    def names(asset: HostAsset) -> set[str]:
        return {one.name for one in probes_for(asset)}

    assert names(_host("h.txt")) == {"host.collected"}
    assert names(_host("h.txt", "192.0.2.7")) >= {"host.collected", "ports.tcp"}
    assert "host.ssh" not in names(_host("h.txt", "192.0.2.7"))
    windows = HostAsset(id="w", name="主机", collected="w.txt", platform="Windows Server 2019")
    assert not names(windows) & {"host.collected", "host.ssh", "host.local"}


# ---- the engagement ------------------------------------------------------------------------------


def test_a_host_needs_an_address_or_a_collected_file(tmp_path: Path) -> None:
    without = ENGAGEMENT.replace("    address: 192.0.2.20:22\n", "")
    with pytest.raises(UsageError, match="缺少键“address”"):
        load_engagement(write_engagement(tmp_path, without))
    carried = ENGAGEMENT.replace("address: 192.0.2.20:22", "collected: evidence/collected/his-app.txt")
    host = load_engagement(write_engagement(tmp_path, carried)).asset("his-app")
    assert isinstance(host, HostAsset)
    assert (host.address, host.collected) == ("", "evidence/collected/his-app.txt")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x.txt", "evidence/../../x", "C:\\x.txt", "\\\\srv\\x", "~/x", "..\\x"]
)
def test_a_collected_file_lies_in_the_folder(tmp_path: Path, path: str) -> None:
    text = ENGAGEMENT.replace("address: 192.0.2.20:22", f"collected: '{path}'")
    with pytest.raises(UsageError, match="项目目录之内"):
        load_engagement(write_engagement(tmp_path, text))


def test_this_machine_is_not_carried_in(tmp_path: Path) -> None:
    text = ENGAGEMENT.replace("address: 192.0.2.20:22", "address: local\n    collected: x.txt")
    with pytest.raises(UsageError, match="不能并用"):
        load_engagement(write_engagement(tmp_path, text))
