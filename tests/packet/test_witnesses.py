"""Who vouches for a packet beside its seal, as `verify` tells it: who counts, and what each proves."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dengbao.catalog import load_engagement
from dengbao.cli import main
from dengbao.model import Person
from dengbao.model.approvals import PartyRole, SignatureTool
from dengbao.model.recheck import Decision
from dengbao.packet.approvals import Said, SignatureFiles, approve
from dengbao.packet.current import Current, newest_packet
from dengbao.packet.detached import signed_line
from dengbao.packet.dsse import SigningKey
from dengbao.packet.findings import Finding, Gravity
from dengbao.packet.opening import opened
from dengbao.packet.returned import FOLDER, file_feedback, file_recheck
from dengbao.packet.seal import Sealed
from dengbao.packet.witnesses import Kind, Witness, beside, examine_witnesses

from . import example
from .test_stage import ON, ZHAO, put_packet, result_of, stamp


@pytest.fixture
def folder(engagement: Path, sealed: Sealed, tmp_path: Path) -> Path:
    """Return an engagement with its packet, stamped by four, checked again and fed back."""
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "scan.png")
    found = example.copy_of(engagement, tmp_path / "hospital")
    current = put_packet(found, sealed)
    stamp(found, current)
    (tmp_path / "result.json").write_bytes(result_of(current.packet))
    file_recheck(found, current, tmp_path / "result.json")
    file_feedback(found, current, Decision.AGREED, by=ZHAO, on=ON, scan=tmp_path / "scan.png")
    return found


def packet_of(folder: Path) -> Current:
    found = newest_packet(folder)
    assert found is not None
    return found


def vouched(folder: Path) -> tuple[tuple[Witness, ...], tuple[Finding, ...]]:
    current = packet_of(folder)
    where = beside(current.path)
    assert where is not None
    assert where.folder == folder.resolve()
    with opened(current.path) as packet:
        return examine_witnesses(where, packet, current)


def grave(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {one.place: one.message for one in findings if one.gravity is Gravity.BROKEN}


def test_all_who_vouch_are_told_with_what_it_proves(folder: Path) -> None:
    witnesses, findings = vouched(folder)
    assert findings == ()
    assert [one.kind for one in witnesses] == [Kind.APPROVAL] * 4 + [Kind.FEEDBACK, Kind.RECHECK]
    assert all(one.counts for one in witnesses)
    assert {one.role for one in witnesses[:4]} == {one.zh for one in PartyRole}
    assert "印章真伪由人核对" in witnesses[0].proves
    assert "同意接入" in witnesses[4].proves
    assert "没有签名" in witnesses[5].proves


def spoil(folder: Path, name: str) -> None:
    example.spoil(folder / name)


def forget(folder: Path, name: str) -> None:
    (folder / name).unlink()


@pytest.mark.parametrize(
    ("change", "name", "place", "told"),
    [
        (spoil, "approvals/AP-0002.png", "approvals/AP-0002.yaml", "在登记之后被改动"),
        (forget, "approvals/AP-0003.yaml", "approvals/AP-0003.yaml", "文件却不在"),
        (spoil, f"{FOLDER}/FB-0002.png", f"{FOLDER}/FB-0002.json", "附件四扫描件"),
        (forget, f"{FOLDER}/RC-0001.json", f"{FOLDER}/RC-0001.json", "文件却不在"),
    ],
)
def test_what_was_altered_beside_a_packet_is_named(
    folder: Path, change: Any, name: str, place: str, told: str
) -> None:
    change(folder, name)
    witnesses, findings = vouched(folder)
    assert told in grave(findings)[place]
    assert not any(one.counts for one in witnesses if one.place == place)


def test_an_altered_answer_does_not_count(folder: Path) -> None:
    path = folder / FOLDER / "RC-0001.json"
    path.write_bytes(path.read_bytes().replace(b'"opinion": ""', '"opinion": "好"'.encode()))
    witnesses, findings = vouched(folder)
    assert grave(findings) == {f"{FOLDER}/RC-0001.json": "记录在登记之后被改动"}
    assert [one.place for one in witnesses if not one.counts] == [f"{FOLDER}/RC-0001.json"]


def test_a_change_of_the_folder_voids_all_approvals(folder: Path) -> None:
    with (folder / "engagement.yaml").open("a") as file:
        file.write("# later\n")
    witnesses, findings = vouched(folder)
    assert not any(one.counts for one in witnesses if one.kind is Kind.APPROVAL)
    assert all("封存之后内容有改动" in one for one in grave(findings).values())


def test_a_signature_tells_which_key_signed(engagement: Path, sealed: Sealed, tmp_path: Path) -> None:
    folder = example.copy_of(engagement, tmp_path / "hospital")
    Image.new("RGB", (60, 40), (200, 30, 30)).save(tmp_path / "scan.png")
    current = put_packet(folder, sealed)
    line, own = tmp_path / "line", tmp_path / "own"
    line.write_bytes(signed_line(current.packet, current.seal.report_number))
    for words in (["-q", "-t", "ed25519", "-N", "", "-f", str(own)],
                  ["-q", "-Y", "sign", "-f", str(own), "-n", "dengbao", str(line)]):  # fmt: skip
        subprocess.run(["ssh-keygen", *words], check=True, capture_output=True)
    files = SignatureFiles(SignatureTool.SSH_KEYGEN, tmp_path / "line.sig", tmp_path / "own.pub")
    told = load_engagement(folder)
    party = PartyRole.ACCESS_PARTY
    who = Person(name="孙工", org=party.name_in(told))
    approve(folder, told, current, Said(party, who, ON, tmp_path / "scan.png", files))
    [witness], findings = vouched(folder)
    assert findings == ()
    assert witness.proves.startswith("ssh-keygen 公钥（文件摘要 ")


def test_records_put_beside_a_packet_lack_the_log(folder: Path, sealed: Sealed, tmp_path: Path) -> None:
    """What somebody carried along with the packet is held against it, and what cannot be told is said."""
    bag = tmp_path / "bag"
    bag.mkdir()
    shutil.copyfile(sealed.path, bag / "packet.zip")
    shutil.copytree(folder / "approvals", bag / "approvals")
    where = beside(bag / "packet.zip")
    assert where is not None
    assert not where.engagement
    with opened(sealed.path) as packet:
        witnesses, findings = examine_witnesses(where, packet, packet_of(folder))
    assert [one.counts for one in witnesses] == [True] * 4
    assert [(one.gravity, one.message[:8]) for one in findings] == [(Gravity.OPEN, "旁边没有经手记录")]
    assert beside(tmp_path / "packet.zip") is None, "nothing lies beside it"


def test_given_the_folder_its_newest_packet_is_verified(
    folder: Path, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "seal.pub"
    public.write_text(key.public.text)
    assert main(["verify", str(folder), "--trust", str(public), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["witnesses"]) == 6
    example.spoil(folder / "approvals" / "AP-0001.png")
    assert main(["verify", str(folder), "--trust", str(public)]) == 4
    out = capsys.readouterr().out
    assert "盖章作数 3/4，复核抽测 1 次" in out
    assert "盖章作废 属地医保局" in out
