"""Killed in the middle of what it changes, a run harms nobody and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import yaml

from dengbao.model import (
    AuditLog,
    Call,
    Export,
    InputField,
    InputForm,
    Marker,
    Message,
    SecondFactor,
    Signature,
    WebAsset,
)
from dengbao.probes.registry import PROBES, probes_for
from dengbao.undoing import owed_in
from tests.runs import HEAD, dengbao, environment, records
from tests.servers.clinic import PASSWORDS, SEED, SEED_VARIABLE, VARIABLES, Conduct, Running, serving

SLOW = pytest.mark.slow
SECRETS: Mapping[str, str] = {
    SEED_VARIABLE: SEED,
    **{VARIABLES[name]: password for name, password in PASSWORDS.items()},
}


def write(folder: Path, asset: WebAsset, level: str = "disrupt") -> Path:
    """Write the engagement with one application as its only asset."""
    folder.mkdir()
    told = msgspec.to_builtins(asset)
    head = HEAD.replace("level: intrude", f"level: {level}\n  connections_per_s: 1000")
    (folder / "engagement.yaml").write_text(
        head.rstrip().removesuffix("assets:") + yaml.safe_dump({"assets": [told]}, allow_unicode=True),
        encoding="utf-8",
    )
    return folder


def everything(running: Running) -> WebAsset:
    """Return the clinic with every section described, so that every probe of applications applies."""
    call = Call(path="/nowhere", fields={"entry": "{entry}"})
    app = msgspec.structs.replace(
        running.application(),
        second_factor=SecondFactor(prompt=Marker(text="请输入动态口令"), step=Call(path="/code")),
        audit=AuditLog(account="boss", path="/audit", columns={"time": "时间"}, remove=call, alter=call),
        inputs=(
            InputForm(
                id="note", name="备注", account="doctor", path="/notes",
                inputs={"text": InputField(sample="正常")}, remove=Call(path="/notes/remove"),
            ),
        ),
        exports=(Export(path="/export", account="doctor", roles=("医生",)),),
        messages=(
            Message(
                id="settle", name="结算", path="/message", account="doctor", fields={"amount": "1"},
                signature=Signature(algorithm="sha256", key=f"${{ENV:{VARIABLES['boss']}}}", field="sign"),
            ),
        ),
        openapi="/openapi.json",
        roster=tuple(PASSWORDS),
    )  # fmt: skip
    return running.asset(app=app)


def killed(folder: Path, running: Running, item: str, moment: str) -> None:
    """Run until the application has reached a moment, and kill the run before it hears of it."""
    clinic = running.clinic
    clinic.held.clear()
    clinic.released.clear()
    clinic.hold_at = moment
    process = subprocess.Popen(
        [sys.executable, "-m", "dengbao", "run", str(folder), "--item", item],
        env=environment(**SECRETS), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert clinic.held.wait(60), f"{moment} was never reached"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        clinic.released.set()


def finished(folder: Path, item: str) -> dict[str, str]:
    """Run to the end; return check → verdict or status."""
    done = dengbao("run", folder, "--item", item, env=environment(**SECRETS))
    assert done.returncode in (0, 3), done.stderr
    return {str(one["check"]): str(one.get("verdict") or one["status"]) for one in records(folder)}


def wrong(running: Running, user: str) -> int:
    return sum(name == user and PASSWORDS[user] != password for name, password in running.clinic.attempts)


@pytest.mark.parametrize(
    ("moments", "sent", "verdict"),
    [
        (("wrong:3",), 5, "conform"),
        # Cut off before the count began: one more may have been counted, and nobody knows.
        pytest.param(("wrong:1",), 5, "undetermined", marks=SLOW),
        pytest.param(("wrong:5",), 5, "conform", marks=SLOW),
        pytest.param(("wrong:2", "wrong:3", "wrong:4"), 6, "undetermined", marks=SLOW),
    ],
)
def test_never_more_wrong_passwords_than_the_profile_allows(
    tmp_path: Path, moments: tuple[str, ...], sent: int, verdict: str
) -> None:
    """Five, and one for comparison where the run was cut off before the count went on from it."""
    with serving(Conduct()) as running:
        folder = write(tmp_path / "e", running.asset())
        for moment in moments:
            killed(folder, running, "1.b.2", moment)
        verdicts = finished(folder, "1.b.2")
        assert wrong(running, "victim") == sent
        assert set(running.clinic.locked) == {"victim"}
        assert wrong(running, "doctor") == wrong(running, "boss") == 0
    assert verdicts["identity.lockout"] == verdict


@SLOW
def test_a_lock_that_time_undid_between_two_runs_is_not_taken_for_none(tmp_path: Path) -> None:
    with serving(Conduct()) as running:
        folder = write(tmp_path / "e", running.asset())
        killed(folder, running, "1.b.2", "wrong:4")
        running.clinic.failures.clear()  # as an application does that counts within some minutes
        verdicts = finished(folder, "1.b.2")
        assert wrong(running, "victim") == 5
    assert verdicts["identity.lockout"] == "undetermined"


@pytest.mark.parametrize(
    ("conduct", "moment"),
    [
        (Conduct(), "changed:1"),  # a temporary password is in force
        # It is the old one again, and nobody knows.
        pytest.param(Conduct(), "changed:2", marks=SLOW),
        pytest.param(Conduct(classes=1), "changed:1", marks=SLOW),
        pytest.param(Conduct(history=3), "changed:3", marks=SLOW),
    ],
)
def test_a_password_is_the_old_one_again(tmp_path: Path, conduct: Conduct, moment: str) -> None:
    with serving(conduct) as running:
        folder = write(tmp_path / "e", running.asset())
        killed(folder, running, "1.a.4", moment)
        assert owed_in(folder)
        finished(folder, "1.a.4")
        assert running.clinic.passwords == PASSWORDS
        assert running.clinic.most_in_a_row["doctor"] <= 2
    assert owed_in(folder) == ()
    ledger = (folder / "runs/round-1/ledger.jsonl").read_text(encoding="utf-8")
    assert not any(password in ledger for password in PASSWORDS.values())


@SLOW
def test_a_password_that_nobody_can_find_out_locks_no_account(tmp_path: Path) -> None:
    """Somebody else set a new one meanwhile: three attempts, then people are told, however often one runs."""
    with serving(Conduct()) as running:
        folder = write(tmp_path / "e", running.asset())
        killed(folder, running, "1.a.4", "changed:1")
        running.clinic.passwords["doctor"] = "Set-By-Somebody-9!"
        for _ in range(2):
            dengbao("run", folder, "--item", "1.a.4", env=environment(**SECRETS))
        assert running.clinic.most_in_a_row["doctor"] <= 4
        assert "doctor" not in running.clinic.locked
    assert owed_in(folder)


@pytest.mark.parametrize("moment", [pytest.param("created:1", marks=SLOW), "created:2"])
def test_users_that_were_created_are_gone(tmp_path: Path, moment: str) -> None:
    with serving(Conduct(unique="none")) as running:
        folder = write(tmp_path / "e", running.asset())
        killed(folder, running, "1.a.2", moment)
        assert len(running.clinic.users) > len(PASSWORDS)
        verdicts = finished(folder, "1.a.2")
        assert running.clinic.users == list(PASSWORDS)
    assert owed_in(folder) == ()
    assert verdicts["identity.unique_accounts"] == "nonconform"


@pytest.mark.parametrize("moment", ["disabled:1", pytest.param("created:1", marks=SLOW)])
def test_a_user_that_was_disabled_is_gone(tmp_path: Path, moment: str) -> None:
    with serving(Conduct(total=True)) as running:
        folder = write(tmp_path / "e", running.asset())
        killed(folder, running, "2.c.2", moment)
        assert len(running.clinic.users) == len(PASSWORDS) + 1
        verdicts = finished(folder, "2.c.2")
        assert running.clinic.users == list(PASSWORDS)
    assert owed_in(folder) == ()
    assert verdicts["access.stale_disabled"] == "conform"


@pytest.mark.parametrize(
    ("level", "allowed"), [("observe", ()), ("login", ()), pytest.param("intrude", ("intrude",), marks=SLOW)]
)
def test_nothing_intrusive_is_sent_without_authority(
    tmp_path: Path, level: str, allowed: tuple[str, ...]
) -> None:
    """At level observe not even a login is sent; below disrupt the sacrificial account is not locked."""
    with serving(Conduct()) as running:
        asset = everything(running)
        folder = write(tmp_path / "e", asset, level)
        dengbao("run", folder, env=environment(**SECRETS))
        clinic = running.clinic
        sent = [f"{method} {path}" for method, path in clinic.requests if method not in ("GET", "HEAD")]
        unharmed = clinic.passwords == PASSWORDS and clinic.users == list(PASSWORDS)
    every = {one.name for one in PROBES if one.name.startswith("web.")}
    assert {one.name for one in probes_for(asset)} >= every
    events = (folder / "runs/round-1/events.jsonl").read_text(encoding="utf-8").splitlines()
    announced = [one for one in map(json.loads, events) if one["event"] == "intrusive"]
    assert {one["level"] for one in announced} <= set(allowed)
    assert all(one["purpose"] and one["clause"] and one["request"] for one in announced)
    assert unharmed
    assert clinic.locked == {}
    if level == "observe":
        assert sent == []
        assert clinic.attempts == []
    if level == "login":
        assert set(sent) == {"POST /login"}
        assert all(PASSWORDS[user] == password for user, password in clinic.attempts)
