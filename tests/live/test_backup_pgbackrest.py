"""pgBackRest's own repository on a prepared host: sets that are there, that are gone, and none at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from dengbao.errors import Reason
from dengbao.model import Account, BackupAsset, BackupPolicy, HostAsset
from dengbao.probes.backup.facts import BackupFiles, BackupSchedule
from tests.servers import host_trees
from tests.servers.pgbackrest import repository
from tests.servers.sshd import Prepared, Server, running

from .harness import Sight, agree, look

REPO = "/var/lib/pgbackrest"
CHECKS = ("backup.performed", "backup.policy", "backup.matches_policy", "backup.readable")
UNSEEN = dict.fromkeys(CHECKS, "undetermined")
# Both sets were made within seconds: one run. That their content holds only verify or a restore can tell.
GOOD = {**UNSEEN, "backup.performed": "conform", "backup.policy": "conform"}
NONE = dict.fromkeys(CHECKS, "nonconform")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    made = asyncssh.generate_private_key("ssh-ed25519")
    path = tmp_path_factory.mktemp("keys") / "id"
    path.write_bytes(made.export_private_key())
    return path, made.export_public_key().decode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, key: tuple[Path, str]) -> Iterator[Server]:
    made = tmp_path_factory.mktemp("made")
    repository(made)
    host = Prepared(tmp_path_factory.mktemp("host"))
    host.folder("")
    host_trees.hardened(host)
    for name, uid in (("inspector", 1004), ("viewer", 1005)):
        host_trees.authorize(host, name, uid, key[1])
    shutil.copytree(made, host.folder(REPO, 0o750), symlinks=True, dirs_exist_ok=True)
    (host.root / REPO.lstrip("/")).chmod(0o750)
    gone = host.folder(f"{REPO}-gone", 0o750)
    shutil.copytree(made, gone, symlinks=True, dirs_exist_ok=True)
    for manifest in gone.glob("backup/his/*F/backup.manifest"):  # both sets build on this one
        manifest.unlink()
    host.folder(f"{REPO}-empty", 0o750)
    host.folder("var/spool/cron/crontabs", 0o730)
    host.file(
        "etc/cron.d/his",
        "0 1 * * * postgres pgbackrest --stanza=lis --type=full backup\n"
        "0 2 * * * postgres pgbackrest --stanza=his --type=incr backup\n"
        "0 3 * * * postgres pgbackrest --stanza=his check\n",
    )
    host.daemon("cron")
    with running(host) as found:
        yield found


def see(
    server: Server, key_file: Path, path: str = REPO, pattern: str = "his", username: str = "inspector"
) -> Sight:
    account = Account(id="collector", username=username, key_file=str(key_file), secret="${ENV:HOST_PW}")
    host = HostAsset(
        id="db", name="数据库服务器", address=server.address, host_key=server.host_key, account="collector",
        sudo="nopasswd" if username == "inspector" else "none", accounts=(account,),
    )  # fmt: skip
    asset = BackupAsset(
        id="backup", name="备份仓库", path=path, pattern=pattern, host="db", archive="pgbackrest",
        policy=BackupPolicy(every_h=24, keep=2),
    )  # fmt: skip
    return look(asset, others=(host,))


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_PW", host_trees.PASSWORD)


def test_sets_whose_manifests_are_there_count(server: Server, key: tuple[Path, str]) -> None:
    sight = see(server, key[0])
    agree("pgbackrest", sight, GOOD)
    files, schedule = sight.facts["backup.files"], sight.facts["backup.schedule"]
    assert isinstance(files, BackupFiles)
    assert isinstance(schedule, BackupSchedule)
    assert (files.tool, files.matched, {one.kind for one in files.files}) == ("pgbackrest", 2, {"pgbackrest"})
    assert [one.name[-1] for one in files.files] == ["I", "F"]
    assert all(one.name.startswith("his/") and one.size_bytes > 1_000_000 for one in files.files)
    its_own = [one.schedule for one in schedule.jobs if one.names_folder and "pgbackrest" in one.tools]
    assert its_own == ["0 2 * * *"]
    assert "须以 pgbackrest verify 或恢复核对" in sight.judge("backup.readable").statement


def test_sets_that_are_only_listed_do_not_count(server: Server, key: tuple[Path, str]) -> None:
    sight = see(server, key[0], f"{REPO}-gone")
    agree("pgbackrest, full set gone", sight, UNSEEN)
    assert "仓库中未见其清单" in sight.judge("backup.readable").statement


def test_a_stanza_without_sets_has_no_backup(server: Server, key: tuple[Path, str]) -> None:
    sight = see(server, key[0], pattern="lis")
    agree("pgbackrest, none", sight, NONE)
    assert "pgBackRest 仓库中没有任何备份集" in sight.judge("backup.performed").statement
    agree("pgbackrest, other stanzas only", see(server, key[0], pattern="emr"), UNSEEN)


def test_without_rights_or_repository_nothing_is_claimed(server: Server, key: tuple[Path, str]) -> None:
    sight = see(server, key[0], username="viewer")
    agree("pgbackrest, no rights", sight, UNSEEN)
    assert sight.missing["backup.files"].reason is Reason.NO_PERMISSION
    sight = see(server, key[0], f"{REPO}-none")
    assert sight.missing["backup.files"].reason is Reason.UNREACHABLE
