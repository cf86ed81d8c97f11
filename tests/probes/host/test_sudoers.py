"""Settings and negated aliases of sudoers."""

from __future__ import annotations

from dengbao.probes.host.parse_privilege import read_privilege
from dengbao.probes.host.system_facts import HostPrivilege, SudoDefault

from .sections import framed, transcript


def read(text: str) -> HostPrivilege:
    return read_privilege(transcript(sudo="N installed\n" + framed(etc__sudoers=text)))


def test_settings_with_scope_and_sign() -> None:
    found = read(
        'Defaults use_pty, logfile="/var/log/sudo, all.log"\nDefaults !visiblepw\n'
        "Defaults:his !authenticate\n"
        "Defaults    env_keep += LANG\nDefaults>root timestamp_timeout=0\n# Defaults targetpw\n"
    )
    assert found.defaults == (
        SudoDefault(name="use_pty"),
        SudoDefault(name="logfile", value="/var/log/sudo, all.log"),
        SudoDefault(name="visiblepw", on=False),
        SudoDefault(name="authenticate", on=False, scope=":his"),
        SudoDefault(name="env_keep", value="LANG"),
        SudoDefault(name="timestamp_timeout", value="0", scope=">root"),
    )
    assert found.setting("timestamp_timeout") is None
    assert found.setting("targetpw") is None


def test_the_last_setting_counts() -> None:
    found = read("Defaults targetpw\nDefaults !targetpw\n").setting("targetpw")
    assert found == SudoDefault(name="targetpw", on=False)


def test_negated_alias_leaves_out_all_its_members() -> None:
    (rule,) = read("User_Alias OLD = leaver, !keeper\n%wheel, !OLD ALL=(ALL) ALL\n").rules
    assert rule.who == ("%wheel", "!leaver", "keeper")


def test_rules_of_a_directory_are_not_seen() -> None:
    status = "/proc/9/status:Name:\tsssd\n/proc/9/status:PPid:\t1\n/proc/9/status:Uid:\t0\t0\t0\t0\n"
    seen = transcript(
        sudo="N installed\n" + framed(etc__sudoers="root ALL=(ALL) ALL\n"),
        group=framed(etc__nsswitch_dot_conf="passwd: sss files\nsudoers: files sss\n"),
        passwd=framed(etc__passwd="root:<x>:0:0::/root:/bin/bash\n"),
        processes="N mount proc /proc proc rw 0 0\n" + status,
    )
    assert read_privilege(seen).unread == ("目录服务（sss）中的规则",)


def test_a_rule_that_is_not_understood_is_told() -> None:
    found = read('root ALL=(ALL) ALL\n"%domain admins" ALL=(ALL) ALL\n')
    assert len(found.rules) == 1
    assert found.unread == ("/etc/sudoers 第 2 行的规则",)
