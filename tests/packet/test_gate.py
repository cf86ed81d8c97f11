"""The release gate: everything that speaks against sealing, at once; what may be let pass, and by whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dengbao.errors import UsageError
from dengbao.ledger import FileLedger
from dengbao.model import Person
from dengbao.packet.alongside import notes
from dengbao.packet.custody import note
from dengbao.packet.dsse import SigningKey
from dengbao.packet.exposure import exposed
from dengbao.packet.faults import Fault, GateClosed, Sort, Waiver, let_pass
from dengbao.packet.gate import before_report, with_report
from dengbao.packet.handwritten import comments
from dengbao.packet.payload import list_payload
from dengbao.packet.sealing import seal_folder
from dengbao.rounds import load_round
from dengbao.session import open_session

from . import example

AT = example.SEALED_AT
SPECIMEN = "11010519491231002X"


@pytest.fixture
def folder(engagement: Path, tmp_path: Path) -> Path:
    return example.copy_of(engagement, tmp_path / "copy")


def faults(folder: Path, at: datetime = AT) -> list[Fault]:
    session, chosen = open_session(folder), load_round(folder)
    early = list(before_report(session, chosen, at))
    if any("runs/" in one.place for one in early):
        return early
    payload = list_payload(session, chosen, at.date())
    return [*early, *with_report(session, payload, ())]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_nothing_speaks_against_what_is_complete(folder: Path) -> None:
    assert faults(folder) == []


def one_person(folder: Path) -> None:
    edit(folder / "engagement.yaml", "{name: 王主任,", "{name: 李 工,")


def comment(folder: Path) -> None:
    edit(folder / "engagement.yaml", "assets:", "# 管理员电话问小张\nassets:")


def own_path(folder: Path) -> None:
    edit(folder / "evidence" / "EV-0001.yaml", "已逐项截图", "截图原在 /home/ligong/桌面")


def same_reviewer(folder: Path) -> None:
    edit(folder / "evidence" / "EV-0001.yaml", "name: 王主任", "name: 李工")


def expired(folder: Path) -> None:
    edit(folder / "evidence" / "EV-0001.yaml", "expires: null", "expires: 2020-01-01")


def unreviewed_override(folder: Path) -> None:
    path = folder / "evidence" / "EV-0001.yaml"
    path.write_text(re.sub(r"reviewed:\n(  .*\n)+", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    edit(path, "override: ''", "override: 现场已整改完毕")


def not_redacted(folder: Path) -> None:
    edit(folder / "evidence" / "EV-0001.yaml", "redacted: true", "redacted: false")


def damaged(folder: Path) -> None:
    example.spoil(next((folder / "runs" / "round-1" / "facts").rglob("*.json")))


def debt(folder: Path) -> None:
    ledger = FileLedger(folder / "runs" / "round-1" / "ledger.jsonl")
    ledger.owe("his-db/database.users/dbyh1", "检测用户 dbyh1 未删除")
    ledger.close()


def broken_chain(folder: Path) -> None:
    note(folder, "reported")
    note(folder, "reported")
    path = folder / "custody.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"reported"', b'"rep0rted"', 1))


def id_number(folder: Path) -> None:
    edit(folder / "evidence" / "EV-0001.yaml", "已逐项截图", f"患者 {SPECIMEN}")


def password(folder: Path) -> None:
    edit(folder / "evidence" / "EV-0001.yaml", "已逐项截图", "password=Hunter2secret")


def asset_added(folder: Path) -> None:
    text = (folder / "engagement.yaml").read_text(encoding="utf-8")
    more = "  - {kind: web, id: his-new, name: 新系统, url: https://127.0.0.1/}\n"
    (folder / "engagement.yaml").write_text(
        text.replace("assets:\n", f"assets:\n{more}", 1), encoding="utf-8"
    )


def asset_edited(folder: Path) -> None:
    edit(folder / "engagement.yaml", "id: his-db", "id: his-db\n    importance: key")


def scope_widened(folder: Path) -> None:
    edit(folder / "engagement.yaml", "addresses: [", "addresses: [127.0.0.99, ")


def paper_gone(folder: Path) -> None:
    with (folder / "engagement.yaml").open("a", encoding="utf-8") as out:
        out.write("forms: {materials: {topology: {file: papers/拓扑.pdf}}}\n")


def condition_without_proof(folder: Path) -> None:
    with (folder / "engagement.yaml").open("a", encoding="utf-8") as out:
        out.write("forms: {access_conditions: {codes: {met: true, evidence: [EV-0099]}}}\n")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (asset_added, "增加了测评对象 his-new"),
        (asset_edited, "测评对象 his-db 的登记有改动"),
        (scope_widened, "允许连接的地址有改动"),
        (paper_gone, "网络拓扑图”：找不到 papers/拓扑.pdf"),
        (condition_without_proof, "附件二第 2 项条件：找不到佐证 EV-0099"),
    ],
)
def test_what_the_engagement_says_otherwise_since_the_test_is_incomplete(
    folder: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(folder)
    (found,) = faults(folder)
    assert (found.sort, words in found.message) == (Sort.INCOMPLETE, True), found


def test_papers_of_the_application_and_strays_are_told_and_keep_nothing_from_being_sealed(
    folder: Path,
) -> None:
    (folder / "证书.pdf").write_bytes(b"x")
    (folder / "evidence" / "便笺.txt").write_bytes(b"x")
    lapsed = "{file: 证书.pdf, number: '1', level: 3, valid_until: 2020-01-01}"
    with (folder / "engagement.yaml").open("a", encoding="utf-8") as out:
        out.write(
            f"forms: {{materials: {{certificate: {lapsed}}}, access_conditions: {{codes: {{met: false}}}}}}\n"
        )
    assert faults(folder) == []
    told = notes(open_session(folder), load_round(folder), AT.date())
    words = ("证书”已过期：有效期至 2020-01-01", "未附 4 份", "第 1、2、3、4 项", "便笺.txt 没有记录引用")
    assert [word in one for one, word in zip(told, words, strict=True)] == [True] * 4, told


@pytest.mark.parametrize(
    ("spoil", "place", "words"),
    [
        (one_person, "people", "不足两人"),
        (comment, "engagement.yaml:", "注释"),
        (own_path, "evidence/EV-0001.yaml:", "绝对路径"),
        (same_reviewer, "EV-0001.yaml", "同一人"),
        (expired, "EV-0001.yaml", "过期"),
        (unreviewed_override, "EV-0001.yaml", "第二人复核"),
        (not_redacted, "EV-0001.yaml", "已遮盖"),
        (damaged, "facts", ""),
        (debt, "his-db", "尚未恢复"),
        (broken_chain, "custody.jsonl", "断开"),
        (id_number, "evidence/EV-0001.yaml", "公民身份号码 1 个"),
        (password, "evidence/EV-0001.yaml", "口令"),
    ],
)
def test_each_fault_is_named_with_its_place(
    folder: Path, spoil: Callable[[Path], None], place: str, words: str
) -> None:
    spoil(folder)
    found = faults(folder)
    assert any(place in one.place and words in one.message for one in found), found
    assert all(one.cure for one in found)
    assert SPECIMEN not in str(found)
    assert "Hunter2secret" not in str(found)


def test_all_faults_are_told_at_once_and_nothing_is_written(
    folder: Path, key: SigningKey, tmp_path: Path
) -> None:
    for spoil in (one_person, comment, id_number, debt):
        spoil(folder)
    with pytest.raises(GateClosed) as caught:
        seal_folder(
            open_session(folder), load_round(folder), by=example.LI, key=key, now=AT, out=tmp_path / "a.zip"
        )
    told = str(caught.value)
    assert caught.value.exit_code == 4
    assert all(words in told for words in ("不足两人", "注释", "公民身份号码", "尚未恢复"))
    assert SPECIMEN not in told
    # The report repeats the statement: it is looked through as well.
    assert any(one.place.startswith("out/report-round-1.docx") for one in caught.value.faults)
    assert not list(tmp_path.glob("a*"))


def test_what_is_damaged_hides_no_other_fault(folder: Path, key: SigningKey, tmp_path: Path) -> None:
    for spoil in (damaged, one_person, broken_chain):
        spoil(folder)
    with pytest.raises(GateClosed) as caught:
        seal_folder(
            open_session(folder), load_round(folder), by=example.LI, key=key, now=AT, out=tmp_path / "a.zip"
        )
    assert caught.value.exit_code == 4
    assert all(words in str(caught.value) for words in ("不足两人", "断开", "facts"))


def test_what_is_not_done_yet_is_incomplete(folder: Path, key: SigningKey, tmp_path: Path) -> None:
    for one in (folder / "evidence").iterdir():
        one.unlink()
    with pytest.raises(GateClosed) as caught:
        seal_folder(
            open_session(folder), load_round(folder), by=example.LI, key=key, now=AT, out=tmp_path / "a.zip"
        )
    assert caught.value.exit_code == 3
    assert {one.sort for one in caught.value.faults} == {Sort.INCOMPLETE}
    assert any(one.place == "1.a.1" for one in caught.value.faults)


PERSONAL = Fault(place="evidence/EV-0001.yaml", message="明文手机号 1 个", cure="…", sort=Sort.PERSONAL)
SECRET = Fault(place="evidence/EV-0002.yaml", message="明文口令 1 个", cure="…")


def test_two_people_let_personal_data_pass_and_nothing_else() -> None:
    waiver = Waiver(places=(PERSONAL.place,), why="是检测用的虚构号码", agreed=example.WANG)
    stay, passed = let_pass((PERSONAL, SECRET), waiver, example.LI)
    assert stay == (SECRET,)
    assert [(one.place, one.what, one.agreed) for one in passed] == [
        (PERSONAL.place, PERSONAL.message, example.WANG)
    ]


@pytest.mark.parametrize(
    ("waiver", "words"),
    [
        (Waiver(places=(PERSONAL.place,), why="虚构号码"), "第二人"),
        (Waiver(places=(PERSONAL.place,), agreed=example.WANG), "理由"),
        (
            Waiver(places=(PERSONAL.place,), why="虚构号码", agreed=Person(name="李 工", org="另一单位")),
            "同一人",
        ),
        (Waiver(places=(SECRET.place,), why="虚构口令", agreed=example.WANG), "不能放行"),
        (Waiver(places=("evidence/EV-0009.yaml",), why="虚构号码", agreed=example.WANG), "没有须放行"),
    ],
)
def test_other_waivers_are_refused(waiver: Waiver, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        let_pass((PERSONAL, SECRET), waiver, example.LI)


@pytest.mark.parametrize(
    ("name", "data", "sorts"),
    [
        ("runs/round-1/raw/ab", b"password\trequisite\tpam_deny.so\nPASS_MAX_DAYS 90\n", []),
        ("runs/round-1/raw/ab", b"GET / HTTP/1.1\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n", [Sort.FAULT]),
        ("runs/round-1/facts/a/b.json", f'{{"name":"{SPECIMEN}"}}'.encode(), [Sort.PERSONAL]),
        ("runs/round-1/run.json", b'{"facts_sha256":"' + b"1380013800" * 6 + b'abcd"}', []),
        ("runs/round-1/engagement.json", b'{"secret": "${ENV:HIS_PASSWORD}"}', []),
        ("evidence/EV-0001.png", SPECIMEN.encode(), []),
        ("evidence/EV-0001.txt", "联系电话 13800138000".encode(), [Sort.PERSONAL]),
        ("evidence/EV-0001.zip", b"PK\x03\x04 cut off", [Sort.PERSONAL]),
    ],
)
def test_files_are_looked_through_by_who_wrote_them(
    engagement: Path, name: str, data: bytes, sorts: list[Sort]
) -> None:
    found = list(exposed({name: data}, open_session(engagement).engagement))
    assert [one.sort for one in found] == sorts, found


def test_only_comments_of_ones_own_are_told() -> None:
    shipped = "# 按注释填写\nname: x  # 全称\n"
    assert list(comments("# 按注释填写\nname: '某医院 # 1'  # 全称\n", shipped)) == []
    (found,) = comments("name: 某医院  # 口令在抽屉里\n", shipped)
    assert found.place == "engagement.yaml:1"
    assert "抽屉" not in str(found)


def test_evidence_counts_as_of_the_day_of_sealing(folder: Path) -> None:
    assert any("将来" in one.message for one in faults(folder, AT - timedelta(days=30)))
