"""What four parties say to a sealed report: filed once, bound to the packet, void when anything changes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from dengbao.catalog import load_engagement
from dengbao.cli import main
from dengbao.errors import EvidenceError
from dengbao.model import Person
from dengbao.model.approvals import Approval, PartyRole, SignatureTool
from dengbao.packet.approvals import Examined, Said, SignatureFiles, approve, examine_approvals
from dengbao.packet.current import Current, changed_since, newest_packet
from dengbao.packet.custody import note
from dengbao.packet.detached import signed_line
from dengbao.packet.seal import Sealed
from dengbao.report.wording import beijing

from . import example

NAMES = {
    PartyRole.LOCAL_BUREAU: Person(name="赵科长", org="某市医疗保障局"),
    PartyRole.PLATFORM_VENDOR: Person(name="钱工", org="平台厂商"),
    PartyRole.ACCESS_PARTY: Person(name="孙工", org="接入方"),
    PartyRole.INSTITUTION: Person(name="周院长", org="测试医院"),
}
ON = beijing(example.SEALED_AT).date()


@pytest.fixture
def folder(engagement: Path, sealed: Sealed, tmp_path: Path) -> Path:
    """Return an engagement with its packet where it belongs, and a scan beside it."""
    copied = example.copy_of(engagement, tmp_path / "hospital")
    (copied / "out").mkdir(exist_ok=True)
    shutil.copyfile(sealed.path, copied / "out" / "packet.zip")
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "scan.png")
    return copied


def packet_of(folder: Path) -> Current:
    found = newest_packet(folder)
    assert found is not None
    return found


def said(folder: Path, party: PartyRole, **changes: object) -> Said:
    given: dict[str, object] = {"by": NAMES[party], "on": ON, "scan": folder.parent / "scan.png", **changes}
    return Said(party, **given)  # type: ignore[arg-type] # the test gives what it wants to


def file_one(folder: Path, party: PartyRole, **changes: object) -> Approval:
    return approve(folder, load_engagement(folder), packet_of(folder), said(folder, party, **changes))


def examined(folder: Path) -> tuple[Examined, ...]:
    current = packet_of(folder)
    return examine_approvals(folder, load_engagement(folder), current, changed_since(folder, current))


def test_four_parties_approve_the_packet(folder: Path, sealed: Sealed) -> None:
    filed = [file_one(folder, party) for party in PartyRole]
    assert [one.id for one in filed] == ["AP-0001", "AP-0002", "AP-0003", "AP-0004"]
    assert {one.packet for one in filed} == {sealed.packet}
    assert {one.content_sha256 for one in filed} == {sealed.seal.content_sha256}
    assert [one.counts for one in examined(folder)] == [True] * 4
    assert (folder / "approvals" / filed[0].scan.name).read_bytes() == (
        folder.parent / "scan.png"
    ).read_bytes()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"by": Person(name="赵科长", org="某市医保局")}, "单位写的是"),
        ({"on": ON - timedelta(days=1)}, "早于封存日期"),
        ({"on": ON + timedelta(days=1)}, "尚未到"),
    ],
)
def test_what_does_not_fit_is_refused(folder: Path, changes: dict[str, object], why: str) -> None:
    with pytest.raises(EvidenceError, match=why):
        file_one(folder, PartyRole.LOCAL_BUREAU, **changes)
    assert examined(folder) == ()


def test_one_party_or_one_person_does_not_count_twice(folder: Path) -> None:
    file_one(folder, PartyRole.INSTITUTION)
    with pytest.raises(EvidenceError, match="已有盖章意见 AP-0001"):
        file_one(folder, PartyRole.INSTITUTION, by=Person(name="吴院长", org="测试医院"))
    with pytest.raises(EvidenceError, match="一人不得代表两方"):
        file_one(folder, PartyRole.ACCESS_PARTY, by=Person(name="周 院长", org="接入方"))
    assert len(examined(folder)) == 1


def test_a_scan_must_be_a_picture_or_a_pdf(folder: Path) -> None:
    wrong = folder.parent / "scan.pdf"
    wrong.write_bytes(b"not a page at all")
    with pytest.raises(EvidenceError, match="不是图片或 PDF"):
        file_one(folder, PartyRole.INSTITUTION, scan=wrong)
    assert [one.name for one in (folder / "approvals").iterdir()] == [".lock"], "nothing stays behind"


def add_round(folder: Path) -> None:
    shutil.copytree(folder / "runs" / "round-1", folder / "runs" / "round-2")


def spoil_records(folder: Path) -> None:
    example.spoil(folder / "runs" / "round-1" / "records.jsonl")


def take_evidence(folder: Path) -> None:
    next((folder / "evidence").glob("*.png")).unlink()


def change_engagement(folder: Path) -> None:
    path = folder / "engagement.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")


def seal_elsewhere(folder: Path) -> None:
    note(folder, "sealed", example.LI, {"packet": "0" * 64})


@pytest.mark.parametrize(
    "change", [seal_elsewhere, add_round, spoil_records, take_evidence, change_engagement]
)
def test_any_later_change_makes_all_void(folder: Path, change: Callable[[Path], None]) -> None:
    for party in PartyRole:
        file_one(folder, party)
    change(folder)
    found = examined(folder)
    assert [one.counts for one in found] == [False] * 4
    assert all(one.faults[0].startswith("封存之后内容有改动") for one in found)


def test_another_packet_makes_all_void(folder: Path) -> None:
    file_one(folder, PartyRole.INSTITUTION)
    current = packet_of(folder)
    other = Current(current.path, "0" * 64, current.seal, current.listed)
    (found,) = examine_approvals(folder, load_engagement(folder), other)
    assert found.faults[0].startswith("所签的是另一封存包")
    (found,) = examine_approvals(folder, load_engagement(folder), None)
    assert not found.counts


@pytest.mark.parametrize("name", ["AP-0001.yaml", "AP-0001.png"])
def test_an_altered_record_or_scan_does_not_count(folder: Path, name: str) -> None:
    file_one(folder, PartyRole.INSTITUTION)
    path = folder / "approvals" / name
    data = path.read_bytes()
    path.write_bytes(
        data.replace("周院长".encode(), "吴院长".encode()) if name.endswith("yaml") else data + b" "
    )
    (found,) = examined(folder)
    assert any("登记之后被改动" in one for one in found.faults)


def run(*words: str | Path, folder: Path, answer: bytes = b"") -> None:
    subprocess.run(
        list(map(str, words)), cwd=folder, input=answer, check=True, capture_output=True, timeout=30
    )


def sign_openssl(place: Path) -> tuple[str, str]:
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "k", folder=place)
    run("openssl", "pkey", "-in", "k", "-pubout", "-out", "k.pem", folder=place)
    run("openssl", "dgst", "-sha256", "-sign", "k", "-out", "line.sig", "line", folder=place)
    return "line.sig", "k.pem"


def sign_openssl_ed25519(place: Path) -> tuple[str, str]:
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "e", folder=place)
    run("openssl", "pkey", "-in", "e", "-pubout", "-out", "e.pem", folder=place)
    run("openssl", "pkeyutl", "-sign", "-inkey", "e", "-rawin", "-in", "line", "-out", "e.sig", folder=place)
    return "e.sig", "e.pem"


def sign_ssh(place: Path) -> tuple[str, str]:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "id", folder=place)
    run("ssh-keygen", "-q", "-Y", "sign", "-f", "id", "-n", "dengbao", "line", folder=place)
    return "line.sig", "id.pub"


def sign_minisign(place: Path) -> tuple[str, str]:
    run("minisign", "-G", "-W", "-p", "m.pub", "-s", "m.key", folder=place)
    run("minisign", "-S", "-s", "m.key", "-m", "line", "-x", "m.sig", folder=place)
    return "m.sig", "m.pub"


@pytest.mark.parametrize(
    ("tool", "sign"),
    [
        (SignatureTool.OPENSSL, sign_openssl),
        (SignatureTool.OPENSSL, sign_openssl_ed25519),
        (SignatureTool.SSH_KEYGEN, sign_ssh),
        (SignatureTool.MINISIGN, sign_minisign),
    ],
)
def test_a_detached_signature_is_verified_at_filing_and_later(
    folder: Path, tmp_path: Path, tool: SignatureTool, sign: Callable[[Path], tuple[str, str]]
) -> None:
    place = tmp_path / "sign"
    place.mkdir()
    current = packet_of(folder)
    (place / "line").write_bytes(signed_line(current.packet, current.seal.report_number))
    signature, key = (place / one for one in sign(place))
    files = SignatureFiles(tool, signature, key)
    file_one(folder, PartyRole.INSTITUTION, signature=files)
    assert examined(folder)[0].counts
    with pytest.raises(EvidenceError, match="此公钥已用于"):
        file_one(folder, PartyRole.ACCESS_PARTY, signature=files)
    other = Current(current.path, "1" * 64, current.seal, current.listed)
    with pytest.raises(EvidenceError, match="核验不通过"):
        approve(folder, load_engagement(folder), other, said(folder, PartyRole.LOCAL_BUREAU, signature=files))


def test_the_command_files_lists_and_warns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "approve",
        str(folder),
        "--party",
        "定点医药机构",
        "--by",
        "周院长/测试医院",
        "--on",
        ON.isoformat(),
    ]
    assert main([*words, "--scan", str(folder.parent / "scan.png")]) == 0
    assert "已登记 AP-0001" in capsys.readouterr().out
    assert main(["approve", str(folder)]) == 0
    assert "属地医保局：未盖章" in capsys.readouterr().out
    change_engagement(folder)
    assert main(["approve", str(folder)]) == 4
    assert "作废 AP-0001" in capsys.readouterr().out
    assert main([*words, "--scan", str(folder.parent / "scan.png")]) == 2
    assert "封存之后内容有改动" in capsys.readouterr().err
