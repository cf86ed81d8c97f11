"""A repository that the real pgBackRest wrote, from a cluster that never ran."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from .postgres import newest_bin


def repository(target: Path) -> None:
    """Copy a repository to `target`, with stanza `his` (a full and an incremental set) and `lis` (none)."""
    owner = pwd.getpwnam("postgres")
    with tempfile.TemporaryDirectory() as folder:  # its parents can be entered by every user
        work = Path(folder)
        os.chown(work, owner.pw_uid, owner.pw_gid)

        def run(*command: str) -> None:
            subprocess.run(
                ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command),
                check=True, capture_output=True, cwd=work, env={"PATH": os.environ["PATH"], "HOME": folder},
            )  # fmt: skip

        run(str(newest_bin() / "initdb"), "-D", f"{work}/data", "-A", "trust", "--no-sync")
        for stanza in ("his", "lis"):
            backrest = (
                "pgbackrest", "--no-config", f"--repo1-path={work}/repo", f"--lock-path={work}/lock",
                "--log-level-file=off", f"--stanza={stanza}", f"--pg1-path={work}/data", "--no-online",
            )  # fmt: skip
            run(*backrest, "stanza-create")
            for kind in ("full", "incr") if stanza == "his" else ():
                (work / "data" / "postgresql.auto.conf").write_text(f"# {kind}\n", encoding="ascii")
                run(*backrest, f"--type={kind}", "--repo1-retention-full=9", "backup")
        shutil.copytree(work / "repo", target, symlinks=True, dirs_exist_ok=True)
