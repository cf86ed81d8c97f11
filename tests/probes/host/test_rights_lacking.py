"""What an account without rights sees must not be taken for what there is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dengbao.errors import NoPermission
from dengbao.probes.host.collect import script
from dengbao.probes.host.frames import Section, Transcript
from dengbao.probes.host.parse_audit import read_audit
from dengbao.probes.host.parse_pam import read_policy
from dengbao.probes.host.parse_processes import read_processes
from dengbao.probes.host.parse_system import read_boot

from .sections import framed, transcript

_STATUS = "/proc/1/status:Name:\tauditd\n/proc/1/status:PPid:\t0\n/proc/1/status:Uid:\t0\t0\t0\t0\n"


def _with_code(seen: Transcript, name: str, code: int) -> Transcript:
    sections = {**seen.sections, name: Section(name, b"", code=code, limit=1, nonce="N")}
    return Transcript(sections, done=True, account="collector")


def test_an_auditctl_that_may_not_be_run_is_not_a_missing_one() -> None:
    """RHEL installs auditctl with mode 0750: others do not find it in the search path."""
    seen = transcript(processes=_STATUS, audit_rules="", audit_files=framed(), audit_records="")
    with pytest.raises(NoPermission):
        read_audit(_with_code(seen, "audit_state", 5))
    assert not read_audit(_with_code(seen, "audit_state", 3)).installed


@pytest.mark.parametrize(("there", "code"), [(True, 5), (False, 1)])
def test_the_script_tells_a_closed_program_from_a_missing_one(there: bool, code: int, tmp_path: Path) -> None:
    (tmp_path / "sbin").mkdir()
    if there:
        (tmp_path / "sbin" / "auditctl").touch()
    line = next(one for one in script().decode().splitlines() if one.startswith("closed()"))
    line = (
        line.replace("id -u", "echo 1000")
        .replace("/usr/sbin/", f"{tmp_path}/nowhere/")
        .replace('"/sbin/', f'"{tmp_path}/sbin/')
    )
    assert subprocess.run(["sh", "-c", f"{line}; closed auditctl"], check=False).returncode == code


def test_lines_about_umask_keep_their_indentation() -> None:
    """What stands under a condition was not tried for every account."""
    profile = framed(etc__profile="60:    umask 002\n61:# umask 077\n62:umask 027")
    found = read_policy(transcript(policy="\nN file absent /etc/login.defs\n" + profile))
    assert [(one.number, one.text) for one in found.umask_lines] == [(60, "    umask 002"), (62, "umask 027")]


@pytest.mark.parametrize(
    ("uid", "mount", "seen"),
    [(0, "hidepid=2", False), (1000, "hidepid=2", None), (1000, "rw", False)],
    ids=["root", "hidden from the account", "shown to all"],
)
def test_a_hidden_process_is_not_taken_for_none(uid: int, mount: str, seen: bool | None) -> None:
    found = read_boot(
        transcript(
            system=f"uname Linux 5.10 x86_64\nuid {uid}\nclock 1700000000\n",
            processes=f"N mount proc /proc proc {mount} 0 0\n{_STATUS}",
            boot="", integrity="",
        )
    )  # fmt: skip
    assert found.fapolicyd is seen


def test_number_zero_is_root_whatever_name_stands_first() -> None:
    passwd = "toor:<x>:0:0::/root:/bin/bash\nroot:<x>:0:0::/root:/bin/bash"
    found = read_processes(transcript(processes=_STATUS, passwd=framed(etc__passwd=passwd)))
    assert [one.user for one in found.processes] == ["root"]


def test_the_login_shell_is_seen_from_a_terminal_too(tmp_path: Path) -> None:
    """Whoever runs the script by hand sits at one; an interactive shell would wait there for its turn."""
    collector = tmp_path / "collect.sh"
    collector.write_bytes(script())
    master, slave = os.openpty()
    done = subprocess.run(
        ["setsid", "--ctty", "sh", "-c", f"sh {collector} N 2>{tmp_path}/errors | cat"],
        stdin=slave, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    os.close(master)
    os.close(slave)
    body = done.stdout.partition(b"\nN begin shell ")[2].partition(b"\nN close shell\n")[0]
    assert b"\nN shown" in body
    assert body.endswith(b"\nN rc 0"), body
