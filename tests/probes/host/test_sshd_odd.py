"""SSH servers that are not the sshd one would ask, and settings that are not in force."""

from __future__ import annotations

import pytest

from dengbao.errors import ProtocolMismatch
from dengbao.probes.host.facts import HostSshd
from dengbao.probes.host.parse_sshd import read_sshd

from .sections import framed, transcript

_OPTIONS = "N version OpenSSH_9.2\nport 22\npermitrootlogin no\nusepam yes\n"
_STATUS = "/proc/1/status:Name:\tinit\n/proc/1/status:PPid:\t0\n/proc/1/status:Uid:\t0\t0\t0\t0\n"
_LISTENS = "  0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1\n"
_TABLES = framed(proc__net__tcp=_LISTENS, proc__net__tcp6="", proc__net__udp="", proc__net__udp6="")
_SILENT = framed(proc__net__tcp="", proc__net__tcp6="", proc__net__udp="", proc__net__udp6="")


def _read(sshd: str, *, processes: str = _STATUS, listening: str = _SILENT, config: str = "") -> HostSshd:
    return read_sshd(
        transcript(
            sshd=sshd + framed(etc__ssh__sshd_config=config),
            sshd_options=_OPTIONS,
            processes=processes,
            listening=listening,
        )
    )


def _state(path: str = "/usr/sbin/sshd", more: str = "") -> str:
    return f"N installed\nN path /usr/sbin/sshd\nN process 9 100 {path} -D\nN boot 1000 100\n{more}"


@pytest.mark.parametrize(
    ("sshd", "processes", "listening"),
    [
        (_state("/usr/local/openssh/sbin/sshd"), _STATUS, _SILENT),
        ("N process 9 100 /opt/openssh/sbin/sshd\nN boot 1000 100\n", _STATUS, _SILENT),
        ("", _STATUS.replace("init", "dropbear"), _SILENT),
        ("", _STATUS, _TABLES),
    ],
    ids=["beside it", "outside the search path", "dropbear", "unknown on port 22"],
)
def test_a_server_that_cannot_be_asked_is_not_taken_for_none(
    sshd: str, processes: str, listening: str
) -> None:
    with pytest.raises(ProtocolMismatch, match="不是系统路径中的 sshd"):
        _read(sshd, processes=processes, listening=listening)


def test_no_server_at_all() -> None:
    found = _read("")
    assert (found.running, found.options) == (False, {})


@pytest.mark.parametrize("path", ["/usr/sbin/sshd", "/sbin/sshd", "sshd: /usr/sbin/sshd"])
def test_the_usual_server_is_asked(path: str) -> None:
    assert _read(_state(path)).value("permitrootlogin") == "no"


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        ("N changed 900 /etc/ssh/sshd_config\n", False),
        ("N changed 5000 /etc/ssh/sshd_config\n", True),
        ("N loaded 5001\nN changed 5000 /etc/ssh/sshd_config\n", False),
        ("N loaded 4000\nN changed 5000 /etc/ssh/sshd_config\n", True),
    ],
    ids=["before the start", "after it", "and reloaded", "after the reload"],
)
def test_files_changed_since_they_were_loaded(more: str, changed: bool) -> None:
    assert _read(_state(more=more)).changed_after_start is changed


@pytest.mark.parametrize(
    ("config", "seen"),
    [
        ("Include /etc/ssh/sshd_config.d/*.conf\n", True),
        ("Include sshd_config.d/*.conf\n", True),
        ("Include /etc/crypto-policies/back-ends/opensshserver.config\n", True),
        ("Include /etc/ssh/hospital/*.conf\n", False),
        ("include /etc/ssh/sshd_config.d/*\n", False),
        ("#Include /etc/ssh/hospital/*.conf\n", True),
    ],
)
def test_match_blocks_of_unread_files(config: str, seen: bool) -> None:
    assert (_read(_state(), config=config).matches is not None) is seen


@pytest.mark.parametrize(("state", "running"), [("active listening", True), ("inactive dead", False)])
def test_a_socket_unit_may_listen_where_the_settings_do_not_say(state: str, running: bool) -> None:
    found = read_sshd(
        transcript(
            sshd="N installed\nN path /usr/sbin/sshd\nN boot 1000 100\n" + framed(etc__ssh__sshd_config=""),
            sshd_options=_OPTIONS,
            processes=_STATUS,
            listening=_SILENT,
            services=f"N manager systemd\nN unit ssh.socket loaded {state} OpenBSD Secure Shell server\n",
        )
    )
    assert found.running is running
