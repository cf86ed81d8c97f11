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
