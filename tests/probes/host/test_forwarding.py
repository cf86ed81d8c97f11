"""What rsyslog is told to send away, however it is written."""

from __future__ import annotations

import pytest

from dengbao.probes.host.parse_logs import read_syslog

from .sections import framed, transcript

_STATUS = "/proc/1/status:Name:\trsyslogd\n/proc/1/status:PPid:\t0\n/proc/1/status:Uid:\t0\t0\t0\t0\n"


@pytest.mark.parametrize(
    ("lines", "selector"),
    [
        ("3:*.* @@10.0.9.9:514", "*.*"),
        ("3:*.info;mail.none;authpriv.none @10.0.9.9", "*.info;mail.none;authpriv.none"),
        ('3:*.* action(type="omfwd" target="10.0.9.9" port="514")', "*.*"),
        ('3:action(type="omfwd" target="10.0.9.9")', ""),
        ('3:local6.* action(type="omfwd"\n4:  target="10.0.9.9" port="514")', "local6.*"),
        ('3:if $msg == "x" then action(type="omfwd" target="10.0.9.9")', 'if $msg == "x" then'),
    ],
)  # fmt: skip
def test_what_is_sent_is_read_with_where_to(lines: str, selector: str) -> None:
    syslog = framed(etc__rsyslog_dot_conf=lines)
    found = read_syslog(transcript(syslog=syslog, audit_files="", processes=_STATUS))
    assert [(one.target.partition(":")[0], one.selector) for one in found.forwarding] == [
        ("10.0.9.9", selector)
    ]
