"""Each command on an engagement after a whole run: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from dengbao.cli import main_group
from dengbao.errors import StoreError
from dengbao.evidence import load_all

from ..builders import draw_picture
from ..small_content import files_of, write_check, write_content, write_engagement
from .conftest import Call, Ran


@pytest.fixture
def copy(ran: Ran, tmp_path: Path) -> Path:
    """Return a copy of the engagement that a test may change."""
    return Path(shutil.copytree(ran.folder, tmp_path / "copy"))


# ---- run -----------------------------------------------------------------------------------------


def test_a_run_prints_its_steps_findings_causes_counts_and_next_steps(ran: Ran) -> None:
    assert ran.said.code == 3
    assert "[1/2] " in ran.said.err
    assert "采集完成，正在判定 10 个用例…" in ran.said.err
    out = ran.said.out
    places = [
        out.index(one)
        for one in ("必须测试项", "条款", "不符合与部分符合", "无法判定的原因", "10 项：", "下一步：")
    ]
    assert places == sorted(places)
    assert "  不符合 1.a.2 his-bak 经核查，有 1 个文件。" in out
    assert "  部分符合 1.a.3 his-bak 经核查，有 1 个文件。" in out
    assert "应当如此，且[不得/例外]；" in out  # brackets of a regulation are no markup
    assert f"dengbao evidence add {ran.folder}" in out


def test_a_run_of_some_items_says_that_the_round_is_open_and_goes_on(
    ran: Ran, call: Call, tmp_path: Path
) -> None:
    folder = write_engagement(tmp_path / "hospital")
    said = call("run", folder, "--content", ran.content, "--item", "1.a.1")
    assert said.code == 3
    assert "本轮尚有用例未测" in said.out
    assert "（尚有用例未测）" in call("status", folder, "--content", ran.content).out
    assert "未测\n" in call("status", folder, "--content", ran.content).out
    again = call("run", folder, "--content", ran.content)
    assert "[1/1]" in said.err
    assert "[1/1]" not in again.err
    assert "本轮尚有用例未测" not in again.out


@pytest.mark.parametrize(("body", "code"), [("return say(True)", 0), ("return say(False)", 1)])
def test_exit_codes_tell_how_a_round_stands(call: Call, tmp_path: Path, body: str, code: int) -> None:
    content = write_content(tmp_path / "content", {"good": body})
    folder = write_engagement(tmp_path / "hospital")
    picture = draw_picture(tmp_path / "picture.png")
    filed = call(
        "evidence", "add", folder, picture, "--content", content, "--item", "M.1", "--item", "2.a.1",
        "--asset", "system", "--kind", "截图", "--verdict", "符合", "--statement", "经核查，如此。",
        "--by", "张三/某科技",
    )  # fmt: skip
    assert filed.code == 0, filed.err
    assert call("run", folder, "--content", content).code == code
    assert call("status", folder, "--content", content).code == code


# ---- init, doctor, plan --------------------------------------------------------------------------


def test_init_writes_a_starter_and_never_writes_over_one(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "my-hospital"
    said = call("init", folder)
    assert said.code == 0
    assert f"dengbao doctor {folder}" in said.out
    assert files_of(folder) == {"engagement.yaml"}
    assert (folder / "evidence").is_dir()
    (folder / "engagement.yaml").write_text("mine", encoding="utf-8")
    refused = call("init", folder)
    assert refused.code == 2
    assert "已有 engagement.yaml，不覆盖" in refused.err
    assert (folder / "engagement.yaml").read_text(encoding="utf-8") == "mine"


def test_init_does_not_write_through_a_dangling_link(call: Call, tmp_path: Path) -> None:
    (tmp_path / "hospital").mkdir()
    (tmp_path / "hospital" / "engagement.yaml").symlink_to(tmp_path / "elsewhere")
    assert call("init", tmp_path / "hospital").code == 2
    assert not (tmp_path / "elsewhere").exists()


def test_init_into_a_place_that_cannot_be(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = call("init", tmp_path / "file" / "hospital")
    assert said.code == 2
    assert "不是目录" in said.err
    assert "Traceback" not in said.err


def test_doctor_ends_with_two_where_something_is_wrong(
    call: Call, ran: Ran, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNS_PASSWORD", "x-y-z-1")
    well = call("doctor", copy, "--content", ran.content)
    assert (well.code, "错误 0" in well.out) == (0, True), well.out
    text = (copy / "engagement.yaml").read_text(encoding="utf-8")
    wrong = text.replace("http://127.0.0.1", "http://127.0.0.77:443/x#").replace("path: backup", "path: gone")
    (copy / "engagement.yaml").write_text(wrong, encoding="utf-8")
    said = call("doctor", copy, "--content", ran.content)
    assert said.code == 2
    assert "拒绝连接" in said.out
    assert "path 不存在" in said.out
    assert "      处理：" in said.out
    weights = [line[:2] for line in said.out.splitlines() if line[:2] in ("正常", "提示", "注意", "错误")]
    assert weights == sorted(weights, key=["正常", "提示", "注意", "错误"].index)
    assert re.search(r"计划 10 个用例、2 次采集；错误 2，注意 \d+", said.out)


def test_plan_tells_cases_and_what_will_be_done_to_whom(call: Call, ran: Ran) -> None:
    said = call("plan", ran.folder, "--content", ran.content)
    assert said.code == 0
    assert re.search(r"1\.a\.1 +demo\.good +his-bak", said.out)
    assert re.search(r"M\.1 +人工 +system", said.out)
    assert "  his  查看未登录时的页面、登录页与安全响应头（观察级）" in said.out
    assert "共 10 个用例：自动 9，人工 1；采集 2 次" in said.out
    by_hand = call("plan", ran.folder, "--content", ran.content, "--item", "M.1")
    assert "采集 0 次" in by_hand.out
    assert "将对测评对象做的采集" not in by_hand.out


# ---- status --------------------------------------------------------------------------------------


def test_status_groups_what_is_open_and_ends_with_counts_and_steps(call: Call, ran: Ran) -> None:
    said = call("status", ran.folder, "--content", ran.content)
    assert said.code == 3
    assert said.out.startswith("测试医院 第 1 轮\n")
    assert "无法判定的原因（4 种）" in said.out
    assert "  his-bak 经核查，两处配置矛盾。\n    涉及 1.a.4" in said.out
    assert "须补佐证（涉及 1 项；作业指导：dengbao suite show small 项号）" in said.out
    assert "  M.1    system  截图读卡结果" in said.out
    assert "10 项：符合 2，部分符合 1，不符合 1，不适用 1，无法判定 4，待补证 1" in said.out
    assert f"dengbao run {ran.folder} --new-round" in said.out


def test_one_cause_is_told_once_for_all_it_concerns(call: Call, tmp_path: Path) -> None:
    bodies = dict.fromkeys(("one", "two", "three"), "raise Undetermined('经核查，配置[矛盾]。')")
    content = write_content(tmp_path / "content", bodies)
    folder = write_engagement(tmp_path / "hospital")
    call("run", folder, "--content", content)
    out = call("status", folder, "--content", content).out
    assert out.count("经核查，配置[矛盾]。") == 1
    assert "    涉及 1.a.1、1.a.2、1.a.3" in out


def test_status_of_items_tells_everything(call: Call, ran: Ran) -> None:
    said = call(
        "status", ran.folder, "--content", ran.content, "--item", "1.a.2", "--item", "M.1", "--item", "1.a.2"
    )
    assert said.code == 3
    assert said.out.count("1.a.2 应核查bad；") == 1
    assert "    demo.bad 不符合 经核查，有 1 个文件。" in said.out
    assert "    还缺 截图读卡结果" in said.out
    assert "必须测试项" not in said.out


def test_status_as_json_has_the_promised_shape(call: Call, ran: Ran) -> None:
    said = call("status", ran.folder, "--content", ran.content, "--format", "json")
    shape = json.loads(said.out)
    assert set(shape) == {"suite", "round", "items", "clauses", "counts", "stage", "evidence", "damaged"}
    assert shape["items"]["1.a.2"]["assets"]["his-bak"] == {
        "status": "judged", "verdict": "nonconform", "source": "automatic", "lacks": [],
    }  # fmt: skip
    assert shape["items"]["M.1"]["assets"]["system"]["source"] == "none"
    assert sum(shape["counts"].values()) == 10


# ---- judge, compare ------------------------------------------------------------------------------


def test_judging_again_agrees_with_the_records(call: Call, ran: Ran) -> None:
    said = call("judge", ran.folder, "--content", ran.content)
    assert said.code == 0
    assert "10 条结果重新判定，与记录完全一致" in said.out


def test_judging_again_shows_what_differs_and_what_is_damaged(call: Call, tmp_path: Path) -> None:
    content = write_content(tmp_path / "content", {"good": "return say(True)"})
    folder = write_engagement(tmp_path / "hospital")
    call("run", folder, "--content", content)
    write_check(content, "good", "return say(False)")
    said = call("judge", folder, "--content", content)
    assert said.code == 4
    assert "1.a.1@his-bak/demo.good\n  记录：符合 经核查，有 1 个文件。\n  重判：不符合" in said.out
    assert "suites 已改动" not in said.out

    write_check(content, "good", "return say(True)")
    profile = content / "suites" / "small" / "profile.yaml"
    profile.write_text(profile.read_text(encoding="utf-8").replace("value: 8", "value: 9"), encoding="utf-8")
    said = call("judge", folder, "--content", content)
    assert "重判：文字相同，不同在参数" in said.out
    assert "提示：该轮之后 suites 已改动" in said.out

    facts = next((folder / "runs" / "round-1" / "facts" / "his-bak").iterdir())
    facts.write_bytes(facts.read_bytes()[:-9])
    said = call("judge", folder, "--content", content)
    assert said.code == 4
    assert f"损坏 {facts}：事实文件已损坏" in said.out
    assert "1 个事实文件损坏" in said.out


def test_a_case_without_a_record_is_shown_as_such(call: Call, ran: Ran, copy: Path) -> None:
    records = copy / "runs" / "round-1" / "records.jsonl"
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[1:]))
    said = call("judge", copy, "--content", ran.content)
    assert said.code == 4
    assert "  记录：无记录" in said.out


def test_compare_shows_what_moved(call: Call, tmp_path: Path) -> None:
    content = write_content(tmp_path / "content", {"good": "return say(False)"})
    folder = write_engagement(tmp_path / "hospital")
    call("run", folder, "--content", content)
    write_check(content, "good", "return say(True)")
    call("run", folder, "--content", content)
    said = call("compare", folder, "--from", "1", "--to", "2", "--content", content)
    assert said.code == 0
    assert re.search(r"1\.a\.1 +his-bak +不符合 +符合 +改善", said.out)
    assert "改善1条，变差0条" in said.out


# ---- suite, check --------------------------------------------------------------------------------


def test_suites_are_listed_and_shown(call: Call) -> None:
    assert "annex3-2023" in call("suite", "list").out
    assert "（必测 6，10 章 32 条 68 项）" in call("suite", "list").out
    whole = call("suite", "show", "annex3-2023").out
    assert "必须测试项" in whole
    assert "1. 身份鉴别" in whole
    assert "［高风险判例" in whole
    item = call("suite", "show", "annex3-2023", "1.a.3").out
    for word in (
        "方法：",
        "检查：identity.empty_password",
        "说明：",
        "作业指导：",
        "留存：",
        "［linux］",
        "预期：",
    ):
        assert word in item
    assert len(json.loads(call("suite", "show", "annex3-2023", "--format", "json").out)["chapters"]) == 10
    assert json.loads(call("suite", "show", "annex3-2023", "1.a.3", "--format", "json").out)["id"] == "1.a.3"


def test_advice_is_shown_where_there_is_any(call: Call, tmp_path: Path) -> None:
    content = write_content(tmp_path / "content", {"good": "return say(True)"})
    chapter = content / "suites" / "small" / "01_one.yaml"
    text = chapter.read_text(encoding="utf-8").rstrip() + "\n        advice: 关上门\n"
    chapter.write_text(text, encoding="utf-8")
    assert "整改建议：关上门" in call("suite", "show", "small", "1.a.1", "--content", content).out


def test_checks_are_listed_and_shown(call: Call, ran: Ran) -> None:
    listed = call("check", "list", "--content", ran.content).out
    assert re.search(r"demo\.good +backup（limit）", listed)
    assert "共 9 个检查，9 个判定函数" in listed
    rows = json.loads(call("check", "list", "--content", ran.content, "--format", "json").out)
    assert {"check": "demo.good", "facts": ["backup.files"], "params": ["limit"], "doc": ""} in rows
    shown = call("check", "show", "demo.good", "--content", ran.content).out
    assert "  文件：checks/demo/good.py" in shown
    assert "  事实：backup.files" in shown
    assert "  阈值：limit" in shown
    assert "Source: GB/T" in call("check", "show", "identity.empty_password").out


# ---- evidence ------------------------------------------------------------------------------------


def add(
    call: Call, ran: Ran, folder: Path, picture: Path, *more: str, item: str = "1.a.2", verdict: str = "符合"
) -> str:
    said = call(
        "evidence", "add", folder, picture, "--content", ran.content, "--item", item, "--asset", "his-bak",
        "--kind", "截图", "--verdict", verdict, "--statement", "经核查，[有]措施。",
        "--by", "张三/某科技", *more,
    )  # fmt: skip
    assert said.code == 0, said.err
    return said.out


def test_evidence_is_filed_listed_and_examined(call: Call, ran: Ran, copy: Path, tmp_path: Path) -> None:
    picture = draw_picture(tmp_path / "截图.png")
    more = ("--collected-at", "2026-01-01T09:30", "--method", "测试", "--redacted", "--expires", "2099-01-01")
    assert add(call, ran, copy, picture, *more) == "已入库 EV-0001：EV-0001.png\n"
    (record,) = load_all(copy)
    assert (record.method.value, record.collected_at.isoformat()[:16]) == ("test", "2026-01-01T09:30")
    assert str(record.expires) == "2099-01-01"
    listed = call("evidence", "list", copy)
    assert "EV-0001  1.a.2 his-bak  截图 符合  张三 2026-01-01\n         经核查，[有]措施。" in listed.out
    assert "共 1 份" in listed.out
    checked = call("evidence", "check", copy, "--content", ran.content)
    assert (checked.code, checked.out) == (0, "采信 1 份，没有问题\n")


def test_an_override_needs_a_second_person_and_then_counts(
    call: Call, ran: Ran, copy: Path, tmp_path: Path
) -> None:
    picture = draw_picture(tmp_path / "picture.png")
    said = add(call, ran, copy, picture, "--override", "另有等效措施", "--redacted")
    assert f"尚待第二人复核：dengbao evidence review {copy} EV-0001 --by 姓名/单位" in said
    waiting = call("evidence", "check", copy, "--content", ran.content)
    assert waiting.code == 4
    assert "待复核  " in waiting.out
    assert "采信 0 份，有问题 1 处" in waiting.out
    json_before = json.loads(call("status", copy, "--content", ran.content, "--format", "json").out)
    assert json_before["items"]["1.a.2"]["verdict"] == "nonconform"

    reviewed = call("evidence", "review", copy, "EV-0001", "--by", "李四/某医院")
    assert (reviewed.code, reviewed.out) == (0, "已复核 EV-0001：李四（某医院）\n")
    assert "，李四复核" in call("evidence", "list", copy).out
    after = json.loads(call("status", copy, "--content", ran.content, "--format", "json").out)
    assert after["items"]["1.a.2"]["assets"]["his-bak"]["verdict"] == "conform"
    assert after["items"]["1.a.2"]["assets"]["his-bak"]["source"] == "override"
    details = call("status", copy, "--content", ran.content, "--item", "1.a.2").out
    assert "    EV-0001 符合 经核查，[有]措施。" in details
    assert "    推翻自动判定的理由 另有等效措施" in details


@pytest.mark.parametrize(
    ("number", "by", "message"),
    [
        ("EV-0009", "李四/某医院", "没有佐证 EV-0009"),
        ("../EV-0001", "李四/某医院", "没有佐证"),
        ("EV-0001", "张三/另一单位", "复核人与采集人是同一人"),
    ],
)
def test_a_review_that_proves_nothing_is_refused(
    call: Call, ran: Ran, copy: Path, tmp_path: Path, number: str, by: str, message: str
) -> None:
    add(call, ran, copy, draw_picture(tmp_path / "picture.png"))
    before = (copy / "evidence" / "EV-0001.yaml").read_bytes()
    said = call("evidence", "review", copy, number, "--by", by)
    assert said.code == 4
    assert message in said.err
    assert "处理：" in said.err
    assert (copy / "evidence" / "EV-0001.yaml").read_bytes() == before


def test_manual_and_automatic_findings_stand_side_by_side(
    call: Call, ran: Ran, copy: Path, tmp_path: Path
) -> None:
    picture = draw_picture(tmp_path / "picture.png")
    add(call, ran, copy, picture, item="1.a.1", verdict="不符合")
    add(call, ran, copy, picture, item="1.a.4")
    out = call("status", copy, "--content", ran.content).out
    assert "  部分符合 1.a.1 his-bak 经核查，[有]措施。（EV-0001）" in out
    shape = json.loads(call("status", copy, "--content", ran.content, "--format", "json").out)
    assert shape["items"]["1.a.1"]["assets"]["his-bak"]["source"] == "both"


def test_a_declaration_of_not_applicable_is_told_with_its_reason(
    call: Call, ran: Ran, tmp_path: Path
) -> None:
    folder = write_engagement(
        tmp_path / "hospital",
        assets="not_applicable:\n  - {item: M.1, asset: system, why: 不设门诊, by: {name: 张三, org: 某科技},"
        " agreed: {name: 李四, org: 某医院}}\n",
    )
    call("run", folder, "--content", ran.content, "--item", "1.a.1")
    assert "    声明不适用 不设门诊" in call("status", folder, "--content", ran.content, "--item", "M.1").out


def test_filing_refuses_what_could_not_count(call: Call, ran: Ran, copy: Path, tmp_path: Path) -> None:
    picture = draw_picture(tmp_path / "picture.png")
    words = ["evidence", "add", copy, picture, "--content", ran.content, "--item", "1.a.1", "--kind", "截图",
             "--verdict", "符合", "--statement", "经核查。", "--by", "张三/某科技"]  # fmt: skip
    for asset, message in (("nobody", "测评对象“nobody”不存在"), ("system", "不针对测评对象 system")):
        said = call(*words, "--asset", asset)
        assert said.code == 4
        assert message in said.err
    assert list((copy / "evidence").iterdir()) == []


def test_altered_evidence_ends_with_four(call: Call, ran: Ran, copy: Path, tmp_path: Path) -> None:
    add(call, ran, copy, draw_picture(tmp_path / "picture.png"))
    draw_picture(copy / "evidence" / "EV-0001.png", "black")
    checked = call("evidence", "check", copy, "--content", ran.content)
    assert checked.code == 4
    assert "被改动" in checked.out
    assert "      处理：" in checked.out
    said = call("compare", copy, "--content", ran.content, "--from", "1", "--to", "1")
    assert said.code == 4
    assert "被改动" in said.err


# ---- damage, report ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run.json", "plan.json", "engagement.json", "records.jsonl"])
def test_a_damaged_round_is_named_and_ends_with_four(call: Call, ran: Ran, copy: Path, name: str) -> None:
    path = copy / "runs" / "round-1" / name
    path.write_bytes(b"{broken\n")
    said = call("status", copy, "--content", ran.content)
    assert said.code == StoreError.exit_code
    assert str(path) in said.err
    assert "从备份恢复" in said.err


def test_a_report_is_not_written_from_damaged_facts(call: Call, ran: Ran, copy: Path) -> None:
    facts = next((copy / "runs" / "round-1" / "facts" / "his-bak").iterdir())
    facts.write_bytes(facts.read_bytes()[:-9])
    said = call("report", copy, "--content", ran.content)
    assert said.code == 4
    assert "报告不予生成" in said.err
    assert not (copy / "out").exists()


def test_a_report_is_written_with_what_it_lacks(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without LibreOffice it is quick
    folder = write_engagement(tmp_path / "hospital")
    text = (
        (folder / "engagement.yaml").read_text(encoding="utf-8").replace("suite: small", "suite: annex3-2023")
    )
    (folder / "engagement.yaml").write_text(text, encoding="utf-8")
    assert call("run", folder, "--item", "8").code == 3
    said = call("report", folder, "--out", tmp_path / "report.docx")
    assert said.code == 0, said.err
    assert "草稿（缺" in said.out
    assert re.search(r"sha256 [0-9a-f]{64}", said.out)
    assert (tmp_path / "report.docx").is_file()
    final = call("report", folder, "--final")
    assert final.code == 3
    assert "处理：" in final.err


def test_the_demo_leaves_a_folder_with_other_things_alone(call: Call, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    said = call("demo", tmp_path)
    assert said.code == 2
    assert "处理：" in said.err
    assert files_of(tmp_path) == {"thesis.txt"}


def test_every_command_is_listed_once() -> None:
    assert list(main_group.commands) == [
        "demo", "init", "doctor", "plan", "run", "judge", "status", "settle", "evidence", "report",
        "template", "key", "seal", "unlock", "forms", "compare", "export", "verify", "suite", "check",
        "collect-script",
        "vulns", "discover", "scan", "capture", "recheck", "approve", "serve",
    ]  # fmt: skip
