"""Account files and keys in places and forms that are easily overlooked."""

from __future__ import annotations

import pytest

from dengbao.probes.host.parse_accounts import read_accounts, read_passwords

from .sections import framed, transcript

_PASSWD = "root:<x>:0:0::/root:/bin/bash\nops:<x>:1001:1001::/home/ops:/bin/bash"
_NSSWITCH = "passwd: files systemd"


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ("authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2", False),
        ("authorizedkeysfile %h/.ssh/authorized_keys\nauthorizedkeyscommand none", False),
        ("authorizedkeysfile /etc/ssh/keys/%u", None),
        ("authorizedkeyscommand /usr/bin/sss_ssh_authorizedkeys", None),
        ("trustedusercakeys /etc/ssh/ca.pub", None),
    ],
)
def test_no_key_at_home_is_none_only_where_keys_lie_at_home(options: str, seen: bool | None) -> None:
    found = read_accounts(
        transcript(
            passwd=framed(etc__passwd=_PASSWD),
            group=framed(etc__group="root::0:", etc__nsswitch_dot_conf=_NSSWITCH),
            keys="no root\nyes ops\n",
            sshd_options=options,
        )
    )
    assert [one.authorized_keys for one in found.accounts] == [seen, True]


def test_lines_of_a_directory_are_no_accounts_without_a_password() -> None:
    passwd = framed(etc__passwd=f"{_PASSWD}\n+::::::\n-bad::::::")
    shadow = framed(etc__shadow="root:<6>:20000:0:90:7:::\nops:!:20000:0:90:7:::")
    found = read_passwords(transcript(passwd=passwd, shadow=shadow))
    assert [(one.account, one.state) for one in found.entries] == [("root", "set"), ("ops", "locked")]
