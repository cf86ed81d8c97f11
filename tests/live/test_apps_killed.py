"""Applications that others wrote, under runs killed again and again: nobody is harmed, nothing is left.

The items come in a shuffled order and each run is killed at a random instant, so that every probe is cut off
somewhere sooner or later; the order and the instants follow from the seed that a failure names.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from dengbao.undoing import owed_in
from tests.runs import environment

from ..servers.apps.site import PASSWORDS, Site, variables
from ..servers.postgres import server_folder
from .test_apps import APPS, accepted, asked, engaged

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("DENGBAO_KILL_SEED", "20230825"))
KILLS = 6
# The items whose probes send what is not mere looking.
ITEMS = (
    "1.a.1", "1.a.2", "1.a.3", "1.a.4", "1.b.1", "1.b.2", "1.d.1", "2.b.2", "2.c.2", "2.e.3", "3.a.3",
    "4.d.2", "6.a.2", "9.a.1",
)  # fmt: skip
# Application → its database, and what in it must be the same afterwards.
KEPT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "twofactor": ("db.sqlite3", (
        "select username, is_active, is_superuser from auth_user order by username",
        "select name from auth_group order by name",
        "select user_id, name, confirmed from otp_totp_totpdevice",
    )),
    "jupyterhub": ("hub.sqlite", (
        "select name, admin from users where name in ('boss', 'doctor', 'nurse') order by name",
        "select name from users where name like 'dbjc%'", "select username from users_info order by username",
        "select note from api_tokens where note like '%检测%' or note like '%dengbao%'",
    )),
    "appbuilder": ("app.sqlite", (
        "select username, active, email from ab_user order by username",
        "select user_id, role_id from ab_user_role order by user_id",
    )),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    with ExitStack() as stack:
        folder = stack.enter_context(server_folder(f"dengbao-{request.param}-"))
        folder.chmod(0o755)
        yield stack.enter_context(APPS[request.param](folder))


def run(folder: Path, *more: str, within_s: float) -> bool:
    """Run, and kill the run with all its children where it is not done in time; tell whether it was done."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dengbao", "run", str(folder), *more],
        env=environment(**variables()), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
    return True


def kept(site: Site) -> list[list[tuple[object, ...]]]:
    database, queries = KEPT[site.name]
    return [asked(site.folder / database, one) for one in queries]


@pytest.mark.parametrize("site", KEPT, indirect=True)
def test_killed_anywhere_in_any_order_nobody_is_harmed(site: Site, tmp_path: Path) -> None:
    chance = random.Random(f"{SEED} {site.name}")
    folder = engaged(site, tmp_path / "e", "disrupt")
    people = [one.id for one in site.asset().accounts if not one.sacrificial]
    assert [one for one in people if not accepted(site, one)] == []  # also creates what logins create
    before = kept(site)
    order = chance.sample(ITEMS, len(ITEMS))
    cut = [
        f"{item} {after_s:.1f}"
        for item in order[:KILLS]
        for after_s in [chance.uniform(2.5, 9.0)]
        if not run(folder, "--item", item, within_s=after_s)
    ]
    assert cut
    assert run(folder, within_s=540), f"seed {SEED}, {cut}: the run did not end"
    told = f"seed {SEED}, killed at {cut}"
    assert kept(site) == before, told
    assert owed_in(folder) == (), told
    assert [one for one in people if not accepted(site, one)] == [], told
    ledger = (folder / "runs/round-1/ledger.jsonl").read_text(encoding="utf-8")
    assert not any(one in ledger for one in PASSWORDS.values())
