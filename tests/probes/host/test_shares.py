"""Shares that a configuration file opens without saying so."""

from __future__ import annotations

import pytest

from dengbao.probes.host.parse_processes import read_services

from .sections import framed, transcript


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("12:anonymous_enable=NO", ["anonymous_enable=NO"]),
        ("12:#anonymous_enable=NO", ["anonymous_enable=YES（未设置时的默认值）"]),
        ("", ["anonymous_enable=YES（未设置时的默认值）"]),
    ],
)
def test_ftp_admits_guests_where_nothing_is_said(written: str, said: list[str]) -> None:
    found = read_services(
        transcript(services="N manager none\n", shares=framed(etc__vsftpd_dot_conf=written))
    )
    assert [one.text for one in found.shares] == said


def test_no_ftp_server_says_nothing() -> None:
    absent = "\nN file absent /etc/vsftpd.conf\n"
    assert read_services(transcript(services="N manager none\n", shares=absent)).shares == ()


def test_a_continued_line_of_exports_is_one_line() -> None:
    text = "2:/his 10.1.1.5(rw) \\\n3:    10.1.1.6(rw)\n4:/pub \\\n5:  *(ro)"
    found = read_services(transcript(services="N manager none\n", shares=framed(etc__exports=text)))
    assert [(one.number, one.text) for one in found.shares] == [
        (3, "/his 10.1.1.5(rw) 10.1.1.6(rw)"),
        (5, "/pub *(ro)"),
    ]


@pytest.mark.parametrize(
    ("written", "commands", "demands"),
    [
        ("3:ssl_enable=YES", ["/usr/sbin/vsftpd /etc/vsftpd.conf"], True),  # forcing is the default
        ("3:ssl_enable=YES\n4:force_local_logins_ssl=NO", ["/usr/sbin/vsftpd"], False),
        ("3:#ssl_enable=YES\n4:force_local_logins_ssl=YES", ["/usr/sbin/vsftpd"], False),
        ("3:ssl_enable=YES\n9:ssl_enable=NO", ["/usr/sbin/vsftpd"], False),  # the last one counts
        ("3:ssl_enable=sure", ["/usr/sbin/vsftpd"], None),
        ("3:ssl_enable=YES", ["/usr/sbin/vsftpd /srv/other.conf"], None),
        ("3:ssl_enable=YES", ["/usr/sbin/vsftpd /etc/vsftpd.conf -ossl_enable=NO"], None),
        ("3:ssl_enable=YES", ["/usr/sbin/vsftpd", "/usr/sbin/vsftpd /srv/other.conf"], None),
        ("3:ssl_enable=YES", [""], None),  # a command line that could not be read
        ("3:ssl_enable=YES", [], None),
    ],
)
def test_ftp_demands_tls_by_the_file_it_runs_with(
    written: str, commands: list[str], demands: bool | None
) -> None:
    running = "".join(f"\nN ftpd {one}" for one in commands)
    found = read_services(
        transcript(services="N manager none\n", shares=framed(etc__vsftpd_dot_conf=written) + running + "\n")
    )
    assert found.ftp_demands_tls is demands
    assert all("ssl" not in one.text for one in found.shares)


@pytest.mark.parametrize(
    ("written", "data", "differ"),
    [
        ("3:ssl_enable=YES", True, False),  # forcing is the default
        ("3:ssl_enable=YES\n4:force_local_data_ssl=NO", False, False),
        ("3:ssl_enable=NO", False, False),
        ("3:ssl_enable=YES\n4:force_local_data_ssl=perhaps", None, False),
        ("3:ssl_enable=YES\n4:user_config_dir=/etc/vsftpd_user_conf", None, True),
        ("3:ssl_enable=YES\n4:force_local_data_ssl=NO\n5:user_config_dir=/etc/u", False, True),
        ("3:ssl_enable=YES\n4:user_config_dir=", True, False),
    ],
)
def test_ftp_demands_tls_for_files_unless_users_may_have_it_otherwise(
    written: str, data: bool | None, differ: bool
) -> None:
    shares = framed(etc__vsftpd_dot_conf=written) + "\nN ftpdata asked\nN ftpd /usr/sbin/vsftpd\n"
    found = read_services(transcript(services="N manager none\n", shares=shares))
    assert (found.ftp_data_tls, found.ftp_users_differ) == (data, differ)
    assert found.ftp_demands_tls is ("ssl_enable=YES" in written)
    assert all("user_config_dir" not in one.text for one in found.shares)
    older = read_services(
        transcript(services="N manager none\n", shares=shares.replace("N ftpdata asked", ""))
    )
    assert (older.ftp_data_tls, older.ftp_users_differ) == (None, None)
