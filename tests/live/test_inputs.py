"""Wrong input against a real server with every fault; nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import yaml

from dengbao.errors import ProbeError
from dengbao.ledger import read_ledger
from dengbao.model import Level, Scope, WebAsset
from dengbao.probes.web import inputs
from dengbao.probes.web.facts_inputs import FormSeen, WebInputs
from dengbao.undoing import owed_in

from ..runs import HEAD, dengbao
from ..servers.forms import FIELDS, PASSWORD, SPECIMEN, VARIABLE, Conduct, Forms, serve
from .harness import MemoryLedger, Sight, look

C, P, N, U = "conform", "partial", "nonconform", "undetermined"
EVERY = tuple(FIELDS)
SITUATIONS: Mapping[str, tuple[Conduct, str]] = {
    "everything is checked": (Conduct(), C),
    "markup refused, tokens may be used again": (Conduct(markup_refused=True, tokens_once=False), C),
    "too long a name is cut and stored right": (Conduct(cuts=True), C),
    "200 with an error's words": (Conduct(style="soft"), U),
    "id number not checked": (Conduct(unchecked=("id_card",)), P),
    "age and date not checked": (Conduct(unchecked=("age", "born")), P),
    "dictionary not checked": (Conduct(unchecked=("sex",)), P),
    "server error on a wrong age": (Conduct(fails=("age",)), P),
    "nothing is checked": (Conduct(unchecked=EVERY), N),
    "files not checked": (Conduct(unchecked=("photo",)), N),
    "markup becomes an element": (Conduct(escapes=False), N),
    "a quote closes the attribute": (Conduct(quotes=False), N),
    "SQL by hand": (Conduct(concatenates=True), N),
    "SQL by hand, its errors told as wrong input": (Conduct(swallows=True), N),
    "quotes and signs taken out": (Conduct(strips=True), C),
    "redirect after success and failure alike": (Conduct(style="alike"), U),
    "firewall refuses everything": (Conduct(firewall=True), U),
    "500 for everything": (Conduct(broken=True), U),
    "right values are refused": (Conduct(refuses_right=True), U),
    "nothing can be removed": (Conduct(keeps=True), U),
    "session ends in between": (Conduct(dies=6), U),
}


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)


def see(forms: Forms, *, level: Level = Level.INTRUDE, style: str = "page", **changes: object) -> Sight:
    scope = Scope(level=level, addresses=("127.0.0.0/8",), connections_per_s=2000)
    with serve(forms) as url:
        return look(forms.asset(url, style=style, **changes), scope=scope, only=("web.inputs",))


def form_of(sight: Sight) -> FormSeen:
    facts = sight.facts["web.inputs"]
    assert isinstance(facts, WebInputs)
    return facts.forms[0]


def verdict(sight: Sight) -> str:
    outcome = sight.judge("intrusion.input_validation")
    return (outcome.verdict or outcome.status).value


@pytest.mark.parametrize("situation", SITUATIONS)
def test_verdicts_are_those_written_down(situation: str) -> None:
    conduct, expected = SITUATIONS[situation]
    forms = Forms(conduct)
    sight = see(forms)
    assert verdict(sight) == expected, sight.judge("intrusion.input_validation").statement
    assert 1 in forms.records, "a record that was there before is never touched"
    if not conduct.keeps and not conduct.dies and conduct.style != "soft":
        assert set(forms.records) == {1}, form_of(sight)
    # What may have stayed is told.
    assert (set(forms.records) == {1}) or sight.ledger.owed


def test_what_is_done_rightly_leaves_nothing_owed() -> None:
    forms = Forms()
    sight = see(forms)
    assert sight.ledger.owed == {}
    assert form_of(sight).left == 0
    assert forms.last > 2


def test_a_search_that_becomes_part_of_a_statement_is_known_without_an_error() -> None:
    right = see(Forms(), style="search")
    assert verdict(right) == C, right.judge("intrusion.input_validation").statement
    wrong = see(Forms(Conduct(swallows=True)), style="search")
    assert verdict(wrong) == N
    assert "已成为所执行语句的一部分" in wrong.judge("intrusion.input_validation").statement


def test_what_a_dead_session_was_sent_away_with_is_not_taken_for_removed() -> None:
    forms = Forms(Conduct(dies=6))
    sight = see(forms)
    assert sum("编号" in one for one in sight.ledger.owed.values()) == len(forms.records) - 1


def test_an_interface_of_typed_values_is_sent_numbers() -> None:
    forms = Forms()
    sight = see(forms, style="json")
    assert verdict(sight) == C, sight.judge("intrusion.input_validation").statement
    assert set(forms.records) == {1}
    assert sight.ledger.owed == {}


def test_what_only_the_page_limits_is_told_so() -> None:
    told = see(Forms(Conduct(unchecked=("phone",)))).judge("intrusion.input_validation").statement
    assert "phone 手机号 10 位被接受，仅界面限制" in told
    bare = see(Forms(Conduct(unchecked=("phone",), limits=False))).judge("intrusion.input_validation")
    assert "phone 手机号 10 位被接受" in bare.statement
    assert "仅界面限制" not in bare.statement


def test_proofs_can_be_repeated_and_hold_no_values() -> None:
    sight = see(Forms(Conduct(unchecked=("id_card",))))
    outcome = sight.judge("intrusion.input_validation")
    assert [one.request.rpartition("（")[2] for one in outcome.proofs[:1]] == [
        "id_card：必填项为空，其余字段正确）"
    ]
    assert all(one.at is not None and one.role == "医生" and "303" in one.answer for one in outcome.proofs)
    written = msgspec.json.encode([outcome, *sight.facts.values()]).decode()
    written += "".join(request for _, request in sight.announced)
    written += b"".join(sight.raw.values()).decode()
    assert SPECIMEN[:17] not in written
    assert "14800000001" not in written
    assert PASSWORD not in written


def test_every_submission_and_removal_is_announced() -> None:
    forms = Forms()
    sight = see(forms)
    sent = [request for purpose, request in sight.announced if purpose.clause == "4.d.2"]
    assert sum(one.startswith("POST ") and "/new" in one for one in sent) == forms.received
    assert sum("/delete" in one for one in sent) == len(forms.removed)


def test_below_the_level_nothing_is_sent() -> None:
    forms = Forms()
    sight = see(forms, level=Level.LOGIN)
    assert forms.received == 0
    assert {one.reason.value for one in sight.missing.values()} == {"not_authorised"}


def test_what_could_not_be_removed_is_not_created() -> None:
    forms = Forms()
    sight = see(forms, remove=None)
    assert forms.received == 0
    assert "未登记删除" in sight.judge("intrusion.input_validation").statement


def test_a_wrong_answer_to_the_right_values_ends_it() -> None:
    forms = Forms(Conduct(firewall=True))
    see(forms)
    assert forms.received == 1


def _written(folder: Path, asset: WebAsset) -> Path:
    folder.mkdir()
    plain = msgspec.to_builtins(asset)
    (folder / "engagement.yaml").write_text(
        HEAD.replace("level: intrude", "level: intrude\n  connections_per_s: 1000")
        + yaml.safe_dump([plain], allow_unicode=True, sort_keys=False),
        encoding="utf-8",
    )
    return folder


def test_after_a_kill_what_was_created_is_removed(tmp_path: Path) -> None:
    forms = Forms()
    env = {**os.environ, VARIABLE: PASSWORD, "NO_COLOR": "1"}
    with serve(forms) as url:
        folder = _written(tmp_path / "hospital", forms.asset(url))
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(folder)], env=env, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output, _ = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, output.decode()
        assert len(forms.records) == 2
        owed = [one for one in read_ledger(folder / "runs/round-1/ledger.jsonl") if one.owed]
        assert any("编号 2" in (one.owed or "") for one in owed)
        done = dengbao("run", folder, env=env)
        assert done.returncode in (0, 3), done.stderr
    assert set(forms.records) == {1}


# A run that dies between the answer that created a record and the request that removes it.
KILLED = """
import os, signal, sys
from dengbao.ledger import FileLedger
old = FileLedger.settle
def settle(self, key):
    old(self, key)
    if "web.inputs" in key:
        os.kill(os.getpid(), signal.SIGKILL)
FileLedger.settle = settle
from dengbao.cli import main
sys.argv = ["dengbao", "run", sys.argv[-1]]
sys.exit(main())
"""


def test_what_nobody_knows_the_number_of_stays_owed() -> None:
    forms = Forms()
    ledger = MemoryLedger()
    ledger.owe("register/0123456789ab", "表单“患者登记”提交的测试数据，若已新建须删除")
    ledger.owe("register/0123456789ac/2", "表单“患者登记”新建的测试数据（编号 2）须删除")
    forms.records[2] = {"name": "测试甲"}
    with serve(forms) as url:
        asset = forms.asset(url)
        sight = look(asset, scope=Scope(level=Level.INTRUDE, addresses=("127.0.0.0/8",)), only=("none",))
        with pytest.raises(ProbeError, match="若已新建须删除"):
            asyncio.run(inputs.undo(asset, sight.context(ledger)))
    assert list(ledger.owed) == ["register/0123456789ab"]
    assert set(forms.records) == {1}


# A run that dies at its n-th submission: noted and not yet sent, or sent and its answer not yet read.
LOST = """
import os, signal, sys
from dengbao.ledger import FileLedger
from dengbao.probes.web import calls
place, count = sys.argv[1], [int(sys.argv[2])]
def die():
    count[0] -= 1
    if not count[0]:
        os.kill(os.getpid(), signal.SIGKILL)
old_owe, old_told = FileLedger.owe, calls.told_by
def owe(self, key, what):
    old_owe(self, key, what)
    if place == "unsent" and "若已新建" in what:
        die()
def told_by(call, chain):
    if place == "unread" and call.path in ("/new", "/api/records"):
        die()
    return old_told(call, chain)
FileLedger.owe, calls.told_by = owe, told_by
from dengbao.cli import main
sys.argv = ["dengbao", "run", "--item", "4.d.2", sys.argv[-1]]
sys.exit(main())
"""


def _lost(folder: Path, place: str, count: int) -> None:
    env = {**os.environ, VARIABLE: PASSWORD, "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", LOST, place, str(count), str(folder)], env=env, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, output.decode()


def _resumed(folder: Path) -> None:
    done = dengbao("run", folder, "--item", "4.d.2", env={**os.environ, VARIABLE: PASSWORD, "NO_COLOR": "1"})
    assert done.returncode in (0, 3), done.stderr


@pytest.mark.parametrize(
    ("style", "lists", "place", "count"),
    [
        ("page", "page", "unread", 1),  # a right one
        ("page", "page", "unread", 10),  # a wrong one that was taken
        ("page", "page", "unsent", 2),  # of which nothing came
        ("json", "json", "unread", 1),
    ],
)
def test_what_came_of_a_lost_answer_is_found_and_removed(
    tmp_path: Path, style: str, lists: str, place: str, count: int
) -> None:
    """What stood there before stays, also with the same values, and so does what others entered meanwhile."""
    forms = Forms(Conduct(unchecked=EVERY, lists=lists))
    forms.records = {1: {"name": "真实患者"}, 2: {"name": "测试甲"}}
    forms.last = 2
    with serve(forms) as url:
        asset = forms.asset(url, style=style, listed="/records")
        folder = _written(tmp_path / "hospital", asset)
        _lost(folder, place, count)
        lost = [one for one in forms.records if one > 2]
        assert bool(lost) == (place == "unread")
        assert [one.what for one in owed_in(folder) if "若已新建" in one.what]
        forms.last += 1
        forms.records[forms.last] = {"name": "后来登记的患者"}
        other = forms.last
        _resumed(folder)
    assert set(forms.records) == {1, 2, other}
    assert owed_in(folder) == ()


def test_the_same_value_entered_by_two_is_left_to_a_person(tmp_path: Path) -> None:
    forms = Forms()
    with serve(forms) as url:
        folder = _written(tmp_path / "hospital", forms.asset(url, listed="/records"))
        _lost(folder, "unread", 1)
        forms.last += 1
        forms.records[forms.last] = {"name": "测试甲"}
        _resumed(folder)
    assert set(forms.records) == {1, 2, 3}
    assert [one for one in owed_in(folder) if "若已新建" in one.what]


@pytest.mark.parametrize("lists", ["pages", "late"])
def test_a_list_that_does_not_show_what_is_new_proves_nothing(tmp_path: Path, lists: str) -> None:
    forms = Forms(Conduct(lists=lists))
    with serve(forms) as url:
        folder = _written(tmp_path / "hospital", forms.asset(url, listed="/records"))
        _lost(folder, "unread", 1)
        _resumed(folder)
    assert set(forms.records) == {1, 2}
    assert [one for one in owed_in(folder) if "若已新建" in one.what]


def test_what_came_of_a_cut_line_is_removed_before_the_end() -> None:
    forms = Forms(Conduct(drops=(1 + 3,), unchecked=EVERY))
    sight = see(forms, listed="/records")
    assert set(forms.records) == {1}
    assert sight.ledger.owed == {}
    assert form_of(sight).left == 0
    assert any(one.problem for one in form_of(sight).tries)
