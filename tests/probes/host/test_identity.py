"""Rights, traces, marks of the installation and login rules, from what hosts of different kinds print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dengbao.errors import ProtocolMismatch
from dengbao.probes.host.identity_facts import Acl, InstallMark
from dengbao.probes.host.parse_accounts import read_accounts
from dengbao.probes.host.parse_identity import (
    read_installation,
    read_login_rules,
    read_rights,
    read_traces,
)

from .sections import framed, transcript

_PLACES = "ok 755 root root 4096 1700000000 /home\nabsent /data\nN marked\n"


def test_acl_entries_are_those_in_effect() -> None:
    body = (
        f"{_PLACES}N acl /etc/sudoers\nN entry user:app:rw-\nN entry group:ops:rwx\t#effective:r--\n"
        "N listed /etc/sudoers\nN acl /srv/his 目录\nN mounts\n"
    )
    assert read_rights(transcript(places=body)).acls == (
        Acl(path="/etc/sudoers", entries=("user:app:rw-", "group:ops:r--")),
        Acl(path="/srv/his 目录", entries=None),
    )


@pytest.mark.parametrize("body", [_PLACES.replace("N marked\n", ""), _PLACES + "denied /root/x\n"])
def test_access_lists_are_unknown_where_ls_cannot_show_them(body: str) -> None:
    assert read_rights(transcript(places=body)).acls is None


def test_boot_partitions_without_rights_do_not_count() -> None:
    body = _PLACES + "N mounts\nN plain vfat /boot/efi\nN plain exfat /mnt/usb\n"
    assert read_rights(transcript(places=body)).plain_mounts == ("/mnt/usb",)
    assert read_rights(transcript(places=_PLACES)).plain_mounts is None


def test_no_stat_is_no_answer() -> None:
    with pytest.raises(ProtocolMismatch):
        read_rights(transcript(places="N marked\n"))


def test_files_and_folders_open_to_all() -> None:
    sweep = (
        "N searched /etc\nN searched /srv\n-rw-rw-rw- ok 666 his his 1 1700000000 /srv/a b\n"
        "drwxrwxrwx ok 777 root root 4096 1700000000 /srv/his\n"
    )
    found = read_rights(transcript(places=_PLACES, sweep=sweep))
    assert [one.path for one in found.open_files or ()] == ["/srv/a b"]
    assert [one.path for one in found.open_folders or ()] == ["/srv/his"]
    assert found.searched == ("/etc", "/srv")
    unsearched = read_rights(transcript(places=_PLACES))
    assert (unsearched.open_files, unsearched.open_folders) == (None, None)


def test_traces_by_name_rights_and_number() -> None:
    body = (
        "N home ok root\nN home denied his\nN home absent gone\nN saved root 600 root /root/.my.cnf\n"
        "N history root 2 600 root /root/.bash_history\nN history ops ? 600 ops /home/ops/.bash_history\n\n"
        "ok 640 root shadow 100 1700000000 /etc/shadow-\nN greeter gdm\n"
        + framed(etc__dconf__db__gdm_dot_d__00="3:disable-user-list=true")
    )
    found = read_traces(transcript(traces=body))
    assert (found.homes, found.unseen) == (2, ("his",))
    assert [one.path for one in found.files] == ["/root/.my.cnf"]
    assert [one.suspects for one in found.histories] == [2, None]
    assert [one.path for one in found.copies] == ["/etc/shadow-"]
    assert (found.greeters, found.greeter_lines[0].text) == (("gdm",), "disable-user-list=true")


def test_oldest_package_dates_the_installation() -> None:
    packages = "N manager rpm\nii bash 5.1-6.ky10 1690000000\nii setup 2.13-4.ky10 1680000000\n"
    body = "N mark 1680000100 machine-id\nN mark 0 lost+found\nN mark  anaconda\n"
    assert read_installation(transcript(installation=body, packages=packages)).marks == (
        InstallMark(source="machine-id", at_s=1680000100),
        InstallMark(source="rpm", at_s=1680000000),
    )


def test_login_rules_and_authselect() -> None:
    body = framed(
        etc__security__access_dot_conf="# comment\n+:sysadm:10.0.8.\n-:ALL:ALL # rest\n",
        etc__authselect__authselect_dot_conf="sssd\nwith-faillock\n",
        etc__selinux__targeted__seusers="# login\nsecadm:secadm_u:s0-s0:c0.c1023\n__default__:user_u:s0\n",
    )
    found = read_login_rules(transcript(login_rules=body + "N file denied /etc/security/time.conf\n"))
    assert [one.text for one in found.access or ()] == ["+:sysadm:10.0.8.", "-:ALL:ALL"]
    assert (found.times, found.doas) == (None, None)
    assert found.authselect == "sssd with-faillock"
    assert found.selinux_users == {"secadm": "secadm_u", "__default__": "user_u"}


def test_a_search_that_complains_found_nothing_for_sure() -> None:
    section = transcript(places=_PLACES, sweep="N searched /etc\n").sections["sweep"]
    odd = replace(section, error="find: unrecognized: -perm")
    gone = replace(section, error="find: '/etc/x': No such file or directory")
    for one, seen in ((odd, None), (gone, ())):
        whole = transcript(places=_PLACES)
        found = read_rights(replace(whole, sections={**whole.sections, "sweep": one}))
        assert found.open_files == seen


@pytest.mark.parametrize(
    ("written", "first"),
    [
        ("UID_MIN 500\n", 500),
        ("UID_MIN\t\t\t 1000\nSYS_UID_MAX 999\n", 1000),
        ("UID_MIN 5000\n", 1000),  # people who were there before keep their numbers
        ("UID_MIN 500\nSYS_UID_MAX 999\n", 1000),
        ("#UID_MIN 500\n", None),
        ("PASS_MAX_DAYS 90\n", None),
    ],
)
def test_where_the_numbers_of_people_begin(written: str, first: int | None) -> None:
    found = read_accounts(
        transcript(
            passwd=framed(etc__passwd="root:x:0:0::/root:/bin/sh"),
            group=framed(etc__group="root:x:0:"),
            policy=framed(etc__login_dot_defs=written),
        )
    )
    assert found.first_user_uid == first
