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


_RSYSLOG = '1:module(load="imuxsock")\n2:include(file="/etc/rsyslog.d/*.conf" mode="optional")\n'


def _used(**files: str) -> list[tuple[str, bool | None]]:
    syslog = framed(**files) + "\nN whole files\n"
    found = read_syslog(transcript(syslog=syslog, audit_files="", processes=_STATUS))
    return [(one.target.partition(":")[0], one.used) for one in found.forwarding]


@pytest.mark.parametrize(
    ("lines", "used"),
    [
        ("3:*.* @@10.0.9.9:514", True),
        ('3:ruleset(name="away") {\n4:  action(type="omfwd" target="10.0.9.9")\n5:}', False),
        ('3:ruleset(name="away") {\n4:  action(type="omfwd" target="10.0.9.9")\n5:}\n6:call away', True),
        (
            '3:input(type="imfile" ruleset="away")\n4:ruleset(name="away") {\n5:*.* @10.0.9.9\n6:}',
            None,
        ),
        ('3:ruleset(name="x") {\n4:  if $msg then {\n5:    stop\n6:  }\n7:}\n8:*.* @@10.0.9.9', True),
        ("3:$RuleSet away\n4:if $msg then {\n5:  stop\n6:}\n7:*.* @@10.0.9.9", False),
    ],
)
def test_a_rule_set_that_nobody_calls_sends_nothing(lines: str, used: bool | None) -> None:
    assert _used(etc__rsyslog_dot_conf=_RSYSLOG + lines) == [("10.0.9.9", used)]


def test_without_a_local_input_nothing_is_sent() -> None:
    assert _used(etc__rsyslog_dot_conf='1:module(load="imtcp")\n2:*.* @@10.0.9.9') == [("10.0.9.9", False)]


def test_a_folder_that_is_not_included_sends_nothing() -> None:
    main = '1:module(load="imjournal")\n2:#$IncludeConfig /etc/rsyslog.d/*.conf\n'
    files = {"etc__rsyslog_dot_conf": main, "etc__rsyslog.d__his_dot_conf": "1:*.* @@10.0.9.9"}
    assert _used(**files) == [("10.0.9.9", False)]


def test_what_is_thrown_away_before_is_told() -> None:
    lines = _RSYSLOG + "3:authpriv.* /var/log/secure\n4:& stop\n5:*.* @@10.0.9.9"
    syslog = framed(etc__rsyslog_dot_conf=lines) + "\nN whole files\n"
    found = read_syslog(transcript(syslog=syslog, audit_files="", processes=_STATUS))
    assert [one.discarded for one in found.forwarding] == [("authpriv.*",)]


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("log { source(s_src); destination(d_net); };", [("10.0.9.9", True, "")]),
        ("log { source(s_src); filter(f_x); destination(d_net); };", [("10.0.9.9", True, "if filter")]),
        ("log { source(s_src); destination(d_local); };", [("10.0.9.9", False, "")]),
        ("# log { source(s_src); destination(d_net); };", [("10.0.9.9", False, "")]),
    ],
)
def test_a_destination_of_syslog_ng_counts_where_a_log_path_names_it(
    log: str, expected: list[tuple[str, bool, str]]
) -> None:
    text = (
        '1:source s_net { tcp(ip(0.0.0.0) port(514)); };\n2:destination d_net {\n3:  network("10.0.9.9"\n'
        '4:  port(514));\n5:};\n6:destination d_local { file("/var/log/messages"); };\n7:' + log
    )
    files = {"etc__syslog-ng__syslog-ng_dot_conf": text}
    found = read_syslog(
        transcript(syslog=framed(**files) + "\nN whole files\n", audit_files="", processes=_STATUS)
    )
    assert [(one.target, one.used, one.selector) for one in found.forwarding] == expected
