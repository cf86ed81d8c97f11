"""A report that comes without its packet: held against its data, and those against the signature."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from lxml import etree
from PIL import Image

from dengbao.cli import main
from dengbao.errors import StoreError
from dengbao.packet.alone import Alone, verify_report
from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.findings import Gravity
from dengbao.packet.qr import counts_of, marker
from dengbao.packet.seal import Sealed
from dengbao.report import write_report
from dengbao.report.embedded import Embedded, embed, read_embedded
from dengbao.report.inputs import ReportInput
from dengbao.report.mark import qr_picture
from dengbao.report.package import DOCUMENT, Package, xml_parser
from dengbao.report.plain import Plain, canonical, texts
from dengbao.report.readback import cases_of
from dengbao.report.reread import read_sheet
from dengbao.report.toc import paragraph_text, w
from tests.report.example import ROOT, example, store
from tests.report.test_likeness import CHANGES, DOCX, altered, said, swap, through_office
from tests.report.words import changed

KEYS_OF_DRAWINGS = re.compile(r"bar-[\d-]+(?:-swatch)?")


def given(folder: Path) -> ReportInput:
    """Return a round with four pictures, one of them in a form that Word cannot show."""
    one = example(folder / "evidence", pictures=3)
    out = io.BytesIO()
    Image.new("RGB", (300, 200), (9, 99, 199)).save(out, "BMP")
    first = one.evidence[3]
    file = store(folder / "evidence", "EV-0004.bmp", out.getvalue())
    papers = [*one.evidence[:3], msgspec.structs.replace(first, files=(file,)), *one.evidence[4:]]
    return replace(one, evidence=tuple(papers))


@pytest.fixture(scope="module")
def made(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a report whose code is signed, as sealing makes it."""
    folder = tmp_path_factory.mktemp("alone")
    one = given(folder)
    mark = marker(one.engagement.report_number, counts_of(one.result), key)
    place = folder / "report.docx"
    return write_report(replace(one, mark=mark), place, final=True, engines={}).docx.read_bytes()


@pytest.fixture(scope="module")
def saved(made: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return through_office(made, tmp_path_factory.mktemp("office"), DOCX)


def told(data: bytes, folder: Path, *keys: SigningKey) -> Alone:
    path = folder / "report.docx"
    path.write_bytes(data)
    return verify_report(path, trusted=tuple(one.public for one in keys))


def grave(found: Alone) -> str:
    return "\n".join(f"{one.place} {one.message}" for one in found.findings if one.gravity is Gravity.BROKEN)


def carried_by(data: bytes) -> Embedded:
    found = read_embedded(Package.open(data))
    assert found is not None
    return found


# ---- untouched ---------------------------------------------------------------------------------------


def test_an_untouched_report_holds_by_a_trusted_key(made: bytes, key: SigningKey, tmp_path: Path) -> None:
    found = told(made, tmp_path, key)
    assert found.holds, found.findings
    assert [one.message for one in found.findings] == ["正文、表格、图片与所载数据逐行相符"]
    assert found.mark is not None
    assert found.mark.number == "LT-2026-0001"


def test_saved_by_libreoffice_it_still_holds(
    made: bytes, saved: bytes, key: SigningKey, tmp_path: Path
) -> None:
    assert told(saved, tmp_path, key).holds
    assert carried_by(saved) == carried_by(made), "the part is kept as it was"


def test_the_report_of_a_packet_holds_alone(sealed: Sealed, key: SigningKey, tmp_path: Path) -> None:
    """Its contents have page numbers, which LibreOffice gave them."""
    with zipfile.ZipFile(sealed.path) as archive:
        [name] = [one for one in archive.namelist() if one.endswith(sealed.seal.report)]
        found = told(archive.read(name), tmp_path, key)
    assert found.holds, found.findings
    assert found.mark is not None
    assert found.mark.content_sha256 == sealed.seal.content_sha256


def test_without_a_key_nothing_is_proven(made: bytes, tmp_path: Path) -> None:
    found = told(made, tmp_path)
    assert not found.holds
    assert [one.gravity for one in found.findings] == [Gravity.OPEN, Gravity.NOTE]
    assert "未能核对签名" in found.findings[0].message
    assert not told(made, tmp_path, new_key(tmp_path / "other")).holds


def test_a_report_that_was_not_sealed_says_so(tmp_path: Path) -> None:
    one = given(tmp_path)
    data = write_report(one, tmp_path / "draft.docx", final=True, engines={}).docx.read_bytes()
    assert grave(told(data, tmp_path)) == "签章页二维码 二维码没有签名：这一页出自草稿或未封存的报告"


def test_it_carries_what_is_printed_and_nothing_more(made: bytes) -> None:
    """Nobody's name, number or address may hide in a part that no reader of the paper sees."""
    sheet = read_sheet(made)
    printed = re.sub(r"\s", "", "".join((*(one.text for one in sheet.lines), *sheet.edges)))
    one = carried_by(made)
    data = one.data()
    data.pop("mark")
    hidden = {value for value in texts(data) if re.sub(r"\s", "", value) not in printed}
    pixels = {str(row["pixels"]) for row in rows(data["figures"])} - {""}
    assert len(pixels) == 1
    unseen = {value for value in hidden - pixels if not KEYS_OF_DRAWINGS.fullmatch(value)}
    assert unseen == {one.content_sha256}


def rows(value: Plain) -> list[dict[str, Plain]]:
    assert isinstance(value, list)
    return [one for one in value if isinstance(one, dict)]


def test_the_same_round_carries_the_same_bytes(made: bytes) -> None:
    first, second = Package.open(made), Package.open(made)
    for one in (first, second):
        embed(one, carried_by(made))
    assert first.write() == second.write()
    assert "customXml/item2.xml" in first.members, "a template's own parts stay"


# ---- altered -----------------------------------------------------------------------------------------

TRIED = (
    "a verdict", "the institution's name", "a person's name", "a digit of the report's number",
    "a digit of a count", "one character of a statement", "a deleted item", "an added paragraph",
    "a hidden verdict", "two pictures swapped", "a text box over the page",
)  # fmt: skip


@pytest.mark.parametrize("what", TRIED)
def test_an_alteration_is_found_and_named(saved: bytes, key: SigningKey, tmp_path: Path, what: str) -> None:
    change, words = CHANGES[what]
    found = told(altered(saved, change), tmp_path, key)
    assert not found.holds
    assert words in grave(found)


@pytest.mark.parametrize("suffix", ["png", "jpeg"])
def test_a_swapped_picture_is_found(made: bytes, key: SigningKey, tmp_path: Path, suffix: str) -> None:
    package = Package.open(made)
    big = [one for one, data in package.members.items() if one.startswith("word/media/") and len(data) > 9000]
    assert big
    out = io.BytesIO()
    with Image.open(io.BytesIO(package.members[big[0]])) as picture:
        other = picture.convert("RGB")
        other.putpixel((50, 50), (255, 255, 255))
        other.save(out, suffix.upper())
    package.members[big[0]] = out.getvalue()
    found = grave(told(package.write(), tmp_path, key))
    assert re.fullmatch(r"report\.docx（图 \d EV-\d{4} .*） 图片被替换、删去或调换", found)


def without_data(data: bytes) -> bytes:
    package = Package.open(data)
    rels = "word/_rels/document.xml.rels"
    root = etree.fromstring(package.members[rels], xml_parser())
    for one in list(root):
        if one.get("Type", "").endswith("/customXml"):
            root.remove(one)
    package.members[rels] = etree.tostring(root)
    for name in [one for one in package.members if one.startswith("customXml/")]:
        del package.members[name]
    return package.write()


@pytest.mark.parametrize("way", ["stripped", "through odt"])
def test_without_its_data_only_the_code_speaks(
    made: bytes, key: SigningKey, tmp_path: Path, way: str
) -> None:
    data = without_data(made) if way == "stripped" else through_office(made, tmp_path, "odt", DOCX)
    found = told(data, tmp_path, key)
    assert (found.carried, found.trusted, found.holds) == (False, True, False)
    assert [(one.gravity, one.place) for one in found.findings] == [(Gravity.OPEN, "report.docx")]
    assert "不能证明" in found.findings[0].message
    changed = altered(data, CHANGES["a digit of the report's number"][0])
    assert told(changed, tmp_path, key).findings, "what the code tells is compared"


def forged(data: bytes, change: Callable[[Embedded, dict[str, Plain]], Embedded], *words: bytes) -> bytes:
    """Return a report whose carried data and words were altered alike."""
    package = Package.open(data)
    old = carried_by(data)
    kept = old.data()
    kept.pop("mark")
    report = kept["report"]
    assert isinstance(report, dict)
    for name in ("content_sha256", "content_prefix"):
        report.pop(name)
    new = change(old, kept)
    for name in [one for one in package.members if one.startswith("customXml/")]:
        del package.members[name]
    bare = Package.open(without_data(data))
    document = package.members[DOCUMENT]
    for before, after in zip(words[::2], words[1::2], strict=True):
        assert before in document
        document = document.replace(before, after)
    document = document.replace(old.content_sha256[:16].encode(), new.content_sha256[:16].encode())
    bare.members[DOCUMENT] = document
    code, other = qr_picture(old.mark), qr_picture(new.mark)
    for name, member in list(bare.members.items()):
        if member == code.data:
            bare.members[name] = other.data
    embed(bare, new)
    return bare.write()


STATEMENT = "经核查，his-db 共有 12 个可登录账户"
OTHER = "经核查，his-db 共有 13 个可登录账户"


def restated(old: Embedded, data: dict[str, Plain]) -> Embedded:
    text = canonical(data).replace(STATEMENT, OTHER)
    assert text != old.text
    return replace(old, text=text)


def test_data_and_words_altered_alike_do_not_fit_the_code(
    made: bytes, key: SigningKey, tmp_path: Path
) -> None:
    data = forged(made, restated, STATEMENT.encode(), OTHER.encode())
    for keys in ((key,), ()):
        found = told(data, tmp_path, *keys)
        assert grave(found) == "所载数据 数据的摘要与签章页二维码所记的不符：数据或二维码被改动"


def test_a_code_made_to_fit_is_not_signed_by_the_key(made: bytes, key: SigningKey, tmp_path: Path) -> None:
    def marked(old: Embedded, data: dict[str, Plain]) -> Embedded:
        new = restated(old, data)
        return replace(new, mark=old.mark.replace(old.content_sha256, new.content_sha256))

    found = told(forged(made, marked, STATEMENT.encode(), OTHER.encode()), tmp_path, key)
    assert grave(found) == "签章页二维码 二维码的签名无效：编号、摘要或项数被改动"
    mallory = new_key(tmp_path / "mallory")

    def signed(old: Embedded, data: dict[str, Plain]) -> Embedded:
        new = restated(old, data)
        counts = {"conform": 64, "partial": 2, "nonconform": 1, "not_applicable": 1}
        return replace(new, mark=marker("LT-2026-0001", counts, mallory)(new.content_sha256))

    all_anew = forged(made, signed, STATEMENT.encode(), OTHER.encode())
    assert "不在 --trust 所指的可信密钥之中" in grave(told(all_anew, tmp_path, key))
    alone = told(all_anew, tmp_path)
    assert not alone.holds, "without a key it cannot be told, and is never held to be proven"
    assert grave(alone) == ""


def test_two_sets_of_data_and_broken_ones_are_named(made: bytes, key: SigningKey, tmp_path: Path) -> None:
    package = Package.open(made)
    embed(package, carried_by(made))
    assert "多份所载数据" in grave(told(package.write(), tmp_path, key))
    for text in ("[" * 100_000, "{}", '{"report": {}}', "x", '{"report": {"number": 1.5}}'):
        bare = Package.open(without_data(made))
        embed(bare, replace(carried_by(made), text=text))
        assert not told(bare.write(), tmp_path, key).holds
    elsewhere = Package.open(without_data(made))
    embed(elsewhere, replace(carried_by(made), suite="../../../etc"))
    assert any("没有测评依据" in one.message for one in told(elsewhere.write(), tmp_path, key).findings)


# ---- another template --------------------------------------------------------------------------------


def test_another_template_that_prints_the_same_proves_as_much(
    made: bytes, key: SigningKey, tmp_path: Path
) -> None:
    package = Package.open(without_data(made))
    embed(package, replace(carried_by(made), template_sha256="0" * 64))
    found = told(package.write(), tmp_path, key)
    assert found.holds
    assert [one.gravity for one in found.findings] == [Gravity.NOTE]
    assert "模板文件与当时的不同，所印文字一样" in found.findings[0].message
    other = altered(package.write(), CHANGES["one character of a statement"][0])
    assert "结果记录）" in grave(told(other, tmp_path, key))


@pytest.fixture(scope="module")
def office(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a signed report made with a template that an office gave words of its own."""
    folder = tmp_path_factory.mktemp("office-template")
    template = folder / "ours.docx"
    shipped = (ROOT / "templates" / "annex3-2023" / "report.docx").read_bytes()
    template.write_bytes(changed(shipped, DOCUMENT, "附录A 证据清单", "附录A 佐证一览"))
    one = given(folder)
    mark = marker(one.engagement.report_number, counts_of(one.result), key)
    place = folder / "report.docx"
    wish = replace(one, mark=mark, template=template)
    return write_report(wish, place, final=True, engines={}).docx.read_bytes()


def test_with_an_unknown_template_it_says_what_was_looked_at_and_what_was_not(
    office: bytes, key: SigningKey, tmp_path: Path
) -> None:
    found = told(office, tmp_path, key)
    assert not found.holds
    assert {one.gravity for one in found.findings} == {Gravity.OPEN}
    first, *others = [one.message for one in found.findings]
    cases = len(list(cases_of(carried_by(office).data())))
    assert f"{cases} 条结果（测评对象、结果记录、判定、证据同在一行，依次排列）" in first
    assert "证据图片 4 幅，四方名称，均相符" in first
    assert f"不能核对：{len(others)} 处文字" in first
    assert "多出“附录A 佐证一览”" in others
    assert "没有本机模板所印的“附录A 证据清单”" in others


def result_row(root: etree._Element, old: str) -> etree._Element:
    """Return the cell with a verdict in the first row of results that has it."""
    for row in root.iter(w("tr")):
        cells = row.findall(w("tc"))
        texts_in = ["".join(paragraph_text(one) for one in cell.iter(w("p"))) for cell in cells]
        if len(cells) == 5 and texts_in[3] == old and texts_in[2].startswith("经"):
            return cells[3]
    raise AssertionError(old)


MORE = {
    "a verdict of a result": lambda root: said(result_row(root, "不符合"), "不符合", "符合"),
    "a verdict to the worse": lambda root: said(result_row(root, "符合"), "符合", "不符合"),
}
# What has to be named as altered, in spite of a template that nobody here knows.
NAMED = {
    "a verdict of a result": r"（\d+\.[a-z]\.\d 结果记录） 正文中没有“.* / 不符合 / ",
    "a verdict to the worse": r"（\d+\.[a-z]\.\d 结果记录） 正文中没有“.* / 符合 / ",
    "a digit of a count": "统计表“.*”一行的项数与所载数据不符",
    "one character of a statement": "结果记录） 正文中没有“", "a deleted item": "没有“.*限制非法登录",
    "two items swapped": "没有“", "a hidden verdict": "含不可见的文字", "struck out": "被加删除线",
    "two pictures swapped": "统计图被替换、删去或调换", "a text box over the page": "文本框",
    "a stamp's party": "没有“.*属地医保局",
}  # fmt: skip


@pytest.mark.parametrize("what", NAMED)
def test_with_an_unknown_template_what_the_data_say_is_still_held(
    office: bytes, key: SigningKey, tmp_path: Path, what: str
) -> None:
    change = MORE[what] if what in MORE else CHANGES[what][0]
    found = told(altered(office, change), tmp_path, key)
    assert re.search(NAMED[what], grave(found)), grave(found)
    assert any("不符的列在“不一致”" in one.message for one in found.findings)
    assert any(one.items for one in found.findings) == ("结果记录" in NAMED[what])


def test_with_an_unknown_template_a_swapped_picture_of_evidence_is_named(
    office: bytes, key: SigningKey, tmp_path: Path
) -> None:
    def swapped(root: etree._Element) -> None:
        captions = [one for one in root.iter(w("p")) if paragraph_text(one).startswith("图 ")]
        first, second = (one.getprevious() for one in captions[:2])
        assert first is not None
        assert second is not None
        swap(next(first.iter(w("drawing"))), next(second.iter(w("drawing"))))

    found = told(altered(office, swapped), tmp_path, key)
    assert "的图片被替换、删去、裁剪、缩小或调换" in grave(found)


def test_with_an_unknown_template_a_word_altered_in_one_place_of_many_is_shown(
    office: bytes, key: SigningKey, tmp_path: Path
) -> None:
    found = told(altered(office, CHANGES["the institution's name"][0]), tmp_path, key)
    assert any(re.search("多出“.*中医医院", one.message) for one in found.findings)
    assert any(re.search("没有本机模板所印的“.*人民医院", one.message) for one in found.findings)


def test_with_an_unknown_template_added_words_are_shown_to_a_person(
    office: bytes, key: SigningKey, tmp_path: Path
) -> None:
    found = told(altered(office, CHANGES["an added paragraph"][0]), tmp_path, key)
    assert grave(found) == ""
    assert "多出“经复测已整改。”" in [one.message for one in found.findings]


def test_with_an_unknown_template_what_libreoffice_saved_is_no_alteration(
    office: bytes, key: SigningKey, tmp_path: Path
) -> None:
    found = told(through_office(office, tmp_path, DOCX), tmp_path, key)
    assert grave(found) == ""
    assert {one.message for one in found.findings} == {
        one.message for one in told(office, tmp_path, key).findings
    }


def test_at_the_command_line(
    made: bytes, key: SigningKey, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public, path = tmp_path / "seal.pub", tmp_path / "报告.docx"
    public.write_text(key.public.text)
    path.write_bytes(made)
    assert main(["verify", str(path), "--trust", str(public)]) == 0
    out = capsys.readouterr().out
    assert "核验一致" in out
    assert "不证明：" in out
    assert main(["verify", str(path)]) == 4
    assert "可被一并替换" in capsys.readouterr().out
    assert main(["verify", str(path), "--format", "json"]) == 4
    assert msgspec.json.decode(capsys.readouterr().out)["carried"] is True
    path.write_bytes(altered(made, CHANGES["a verdict"][0]))
    assert main(["verify", str(path), "--trust", str(public)]) == 4
    assert "文件中是“符合”" in capsys.readouterr().out
    path.write_bytes(b"no document")
    assert main(["verify", str(path)]) == 4
    with pytest.raises(StoreError):
        verify_report(tmp_path / "nowhere.docx")


HOWTO = (Path(__file__).parents[2] / "docs" / "howto-verify.md").read_text(encoding="utf-8")


def test_the_digest_is_told_without_this_tool(made: bytes, tmp_path: Path) -> None:
    """What docs/howto-verify.md types needs Python alone."""
    (tmp_path / "报告.docx").write_bytes(made)
    [script] = re.findall(r"```sh\n(python3 -c .*?)```", HOWTO, re.DOTALL)
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == carried_by(made).content_sha256
