"""What is asked before a run: keys as well as passwords, and whether somebody will read captchas."""

from __future__ import annotations

import hashlib
import hmac
import re
import sqlite3
from pathlib import Path

import pytest

from dengbao.model import (
    Account,
    Application,
    DatabaseAsset,
    Level,
    Message,
    RowIntegrity,
    Signature,
    WebAsset,
)
from dengbao.probes.database.row_facts import DatabaseRows
from dengbao.probes.registry import probes_for
from dengbao.rounds import load_round
from dengbao.steering import STOP, ask, under_way
from dengbao.underway import Stand, Step
from dengbao.workbench.run_asked import Secret, needed

from .. import knocking
from ..runs import DATABASE, HEAD
from ..servers.counting import Counting
from .bench import serving
from .test_run import NAME, has_ended, running, until

application, small_content, hospital = knocking.application, knocking.small_content, knocking.hospital
KEY = "a key that nobody writes down"
ROWS = """\
    integrity:
      - {table: patient, row: id, digest: mac, algorithm: hmac-sha256, over: [id, name], key: "prompt:"}
"""


def test_every_reference_is_asked_for_under_the_label_that_its_probe_uses() -> None:
    row = RowIntegrity(
        table="patient", row="id", digest="mac", algorithm="hmac-sm3", over=("id",), key="prompt:"
    )
    database = DatabaseAsset(id="his-db", name="业务库", platform="sqlite", path="his.db", integrity=(row,))
    signature = Signature(algorithm="hmac-sm3", key="${ENV:DENGBAO_NOT_SET}", header="X-Sign")
    message = Message(id="settle", name="结算", path="/settle", signature=signature)
    web = WebAsset(
        id="his", name="HIS", url="http://127.0.0.1", app=Application(messages=(message,)),
        accounts=(Account(id="test", username="tester", secret="prompt:", otp="prompt:"),),
    )  # fmt: skip
    steps = [Step(asset, spec, Stand.OPEN) for asset in (database, web) for spec in probes_for(asset)]
    assert set(needed(steps, Level.INTRUDE)) == {
        Secret("his-db/patient", what="校验值的密钥"),
        Secret("his/tester"),
        Secret("his/test/otp", what="动态口令种子"),
        Secret("his/settle", "DENGBAO_NOT_SET", "报文的密钥"),
    }
    assert needed(steps, Level.OBSERVE) == ()


def test_a_variable_is_asked_for_once_whatever_it_is_for() -> None:
    accounts = tuple(
        Account(id=one, username=one, secret="${ENV:DENGBAO_NOT_SET}") for one in ("a", "b", "b2")
    )
    web = WebAsset(id="his", name="HIS", url="http://127.0.0.1", accounts=accounts)
    steps = [Step(web, spec, Stand.OPEN) for spec in probes_for(web)]
    (one,) = needed(steps, Level.INTRUDE)
    assert (one.label, one.env) == ("his/a", "DENGBAO_NOT_SET")
    assert one.also == ("his/b 的口令", "his/b2 的口令")


@pytest.fixture
def keyed(tmp_path: Path) -> Path:
    """Return an engagement over a database whose rows carry a digest that only its key tells."""
    folder = tmp_path / "my-hospital"
    (folder / "data").mkdir(parents=True)
    with sqlite3.connect(folder / "data" / "his.db") as connection:
        connection.execute("create table patient (id integer primary key, name text, mac text)")
        mac = hmac.new(KEY.encode(), "id=1&name=甲".encode(), hashlib.sha256).hexdigest()
        connection.execute("insert into patient values (1, '甲', ?)", (mac,))
    connection.close()
    (folder / "engagement.yaml").write_text(HEAD + DATABASE + ROWS, encoding="utf-8")
    return folder


def test_a_key_goes_to_the_run_and_nowhere_else(keyed: Path) -> None:
    with serving(keyed) as page, page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        shown = client.get("/run").text
        assert "his-db/patient 的校验值的密钥" in shown
        assert re.search(r'type="password" name="secret:his-db/patient"', shown)
        confirm = re.findall(r'name="confirm" value="([^"]+)"', shown)
        answer = client.post(
            "/run/start", data={"mode": "go", "confirm": confirm, "secret:his-db/patient": KEY}
        )
        assert answer.status_code == 200, answer.text
        process = running(keyed).pid
        line = Path(f"/proc/{process}/cmdline").read_bytes() + Path(f"/proc/{process}/environ").read_bytes()
        assert b"--answers" in line
        assert KEY.encode() not in line
        until(lambda: has_ended(keyed) and under_way(keyed) is None)
        assert KEY not in client.get("/run").text
    seen = load_round(keyed).store().see("his-db", {"database.rows": ("database.rows",)})
    (rows,) = (one for one in seen.facts.values() if isinstance(one, DatabaseRows))
    assert [(one.table, one.matching, one.wrong) for one in rows.tables] == [("patient", 1, 0)]
    written = b"".join(one.read_bytes() for one in keyed.rglob("*") if one.is_file())
    assert KEY.encode() not in written


def test_without_a_display_it_says_what_to_type(folder: Path, content: Path) -> None:
    with (
        serving(folder, content=content, DISPLAY="", WAYLAND_DISPLAY="") as page,
        page.client() as client,
    ):
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        shown = client.get("/run").text
        assert f"dengbao run {folder} --assist" in shown
        assert 'name="assist"' not in shown
        answer = client.post("/run/start", data={"mode": "go", "confirm": NAME, "assist": "yes"})
        assert answer.status_code == 409
        assert "没有图形界面" in answer.text
    assert under_way(folder) is None


@pytest.mark.parametrize("ready", [True, False])
def test_with_a_display_somebody_may_say_that_they_are_there(
    folder: Path, content: Path, app: Counting, ready: bool
) -> None:
    app.delay_s = 0.5  # time to look at it
    with serving(folder, content=content, DISPLAY=":99") as page, page.client() as client:
        client.post("/who", data={"name": "张三", "org": "某某科技"})
        assert 'name="assist"' in client.get("/run").text
        data = {"mode": "go", "confirm": NAME} | ({"assist": "yes"} if ready else {})
        client.post("/run/start", data=data).raise_for_status()
        line = Path(f"/proc/{running(folder).pid}/cmdline").read_bytes()
        assert (b"--assist" in line) is ready
        assert ("由人登录：" in client.get("/run").text) is ready
        ask(folder, STOP, "张三")
        until(lambda: under_way(folder) is None)
