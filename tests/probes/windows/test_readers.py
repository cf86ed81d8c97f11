"""What the sections of a Windows collector file become, in both languages and in the shapes of its traps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from dengbao.errors import NoPermission, ProbeError, ProtocolMismatch, Reason
from dengbao.model import Facts, kind_of
from dengbao.probes.base import Observed
from dengbao.probes.collected import read_collected
from dengbao.probes.host.frames import Section, Transcript
from dengbao.probes.host.system_facts import HostListening
from dengbao.probes.windows.carried import observed
from dengbao.probes.windows.facts import (
    WindowsAccounts,
    WindowsGroups,
    WindowsIdentity,
    WindowsSettings,
)
from dengbao.probes.windows.parse_accounts import read_accounts
from dengbao.probes.windows.parse_network import parse_rule, read_listening
from dengbao.probes.windows.parse_policy import parse_inf, read_audit, read_policy
from dengbao.probes.windows.parse_settings import read_settings
from dengbao.probes.windows.parse_software import day_of, read_updates
from dengbao.probes.windows.sections import moment_s
from dengbao.probes.windows.spec import WINDOWS_FACTS
from dengbao.probes.windows.system_facts import (
    WindowsDefence,
    WindowsFirewall,
    WindowsLogs,
    WindowsServices,
    WindowsShares,
    WindowsTrust,
    WindowsUpdates,
)

from .samples import (
    ADMIN_ONLY,
    DAY,
    LOGON,
    MACHINE,
    NET_EN,
    NET_ZH,
    NOW,
    accounts,
    auditbackup,
    auditpol,
    envelope,
    hardened,
    registry,
    secedit,
    system,
)
from .weak import weak

F = TypeVar("F", bound=Facts)


def transcript(sections: Mapping[str, str | bytes], codes: Mapping[str, int] = {}) -> Transcript:
    """Return the sections as they arrive."""
    return Transcript(
        {
            name: Section(
                name=name,
                body=body.encode() if isinstance(body, str) else body,
                code=codes.get(name, 0),
                limit=2**23,
            )
            for name, body in sections.items()
        },
        done=True,
    )


def see(sections: Mapping[str, str], codes: Mapping[str, int] = {}) -> Observed:
    return observed(read_collected(envelope(sections, codes=codes), where="x"))


def one(seen: Observed, kind: type[F]) -> F:
    return next(fact for fact in seen.facts if isinstance(fact, kind))


@pytest.mark.parametrize("sections", [hardened(), weak()], ids=["zh_2019", "en_2012r2"])
def test_every_kind_is_brought(sections: dict[str, str]) -> None:
    seen = see(sections)
    assert seen.missing == ()
    assert {kind_of(fact) for fact in seen.facts} == {kind_of(kind) for kind in WINDOWS_FACTS}
    assert seen.privilege == "administrator"


def test_without_administrator_what_needs_it_is_missing_and_nothing_else() -> None:
    kept = hardened() | dict.fromkeys(ADMIN_ONLY, "")
    seen = see(kept, dict.fromkeys(ADMIN_ONLY, 5))
    assert {(lack.fact, lack.reason) for lack in seen.missing} == {
        (kind, Reason.NO_PERMISSION)
        for kind in ("windows.policy", "windows.audit", "windows.events", "windows.trust")
    }
    assert all("管理员" in lack.message for lack in seen.missing)


def test_a_section_that_failed_is_not_taken_for_empty() -> None:
    seen = see({**hardened(), "shares": ""}, {"shares": 1})
    assert [(lack.fact, lack.reason) for lack in seen.missing] == [("windows.shares", Reason.PROTOCOL)]


@pytest.mark.parametrize("name", sorted(set(hardened()) - {"processes", "screens", "netaccounts"}))
def test_a_section_that_is_not_there_is_missing(name: str) -> None:
    sections = {key: body for key, body in hardened().items() if key != name}
    if name == "system":
        with pytest.raises(StopIteration):
            one(see(sections), WindowsIdentity)
    elif name not in ("auditpol", "auditbackup"):  # one of the two is enough
        assert see(sections).missing


def test_identity_names_the_host_of_the_envelope_and_its_domain_role() -> None:
    found = one(see({**hardened(), "system": system(role=3)}), WindowsIdentity)
    assert (found.computer, found.build, found.revision) == ("SRV-HIS01", 17763, 5329)
    assert (found.member, found.controller, found.user) == (True, False, "SRV-HIS01\\运维甲")
    assert WindowsIdentity(computer="x").member is None


# ---- secedit and net accounts ----------------------------------------------------------------------


def test_an_export_in_utf16_with_chinese_names_is_read_as_it_is() -> None:
    raw = b"\xff\xfe" + secedit().replace("\n", "\r\n").encode("utf-16-le")
    bare = secedit().encode("utf-16-le")
    for body in (raw, bare, secedit().encode()):
        found = read_policy(transcript({"secedit": body}))
        assert found.access["NewAdministratorName"] == "院内管理"
        assert found.holders("SeDenyNetworkLogonRight") == ("Guest", "医生站")
        assert found.holders("SeSecurityPrivilege") == ("S-1-5-32-544",)
        assert found.holders("SeTcbPrivilege") == ()


@pytest.mark.parametrize(
    "body",
    [
        secedit().encode("gbk"),
        b"\xff\xfe" + secedit().encode("utf-16-le")[:-1],
        secedit().encode() + b"\0",
        secedit().split("[Privilege")[0].encode(),
        b"",
        secedit().replace("LockoutBadCount = 5", "LockoutBadCount = 5\nLockoutBadCount = 0").encode(),
    ],
    ids=["gbk", "half_a_character", "nul", "cut", "empty", "twice"],
)
def test_an_export_that_is_not_whole_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolMismatch):
        read_policy(transcript({"secedit": body}))


def test_minus_one_is_a_number_and_a_word_is_not() -> None:
    text = secedit({"MaximumPasswordAge": "-1", "LockoutDuration": "-1", "LockoutBadCount": "five"})
    found = read_policy(transcript({"secedit": text}))
    assert (found.number("MaximumPasswordAge"), found.number("LockoutDuration")) == (-1, -1)
    assert found.number("LockoutBadCount") is None
    assert found.number("NotThere") is None


def test_net_accounts_is_read_by_the_order_of_its_lines() -> None:
    zh = read_policy(transcript({"secedit": secedit(), "netaccounts": NET_ZH})).net
    en = read_policy(transcript({"secedit": secedit(), "netaccounts": NET_EN})).net
    assert zh is not None
    assert (zh["MaximumPasswordAge"], zh["LockoutBadCount"], zh["ForceLogoff"]) == (90, 5, -1)
    assert en is not None
    assert (en["MaximumPasswordAge"], en["PasswordHistorySize"], en["LockoutBadCount"]) == (-1, -1, -1)


@pytest.mark.parametrize("text", ["", NET_ZH + "又一行: 1\n", NET_ZH.replace("90", "ninety")])
def test_net_accounts_of_another_shape_tells_nothing(text: str) -> None:
    assert read_policy(transcript({"secedit": secedit(), "netaccounts": text})).net is None


def test_sections_of_the_export_that_stand_twice_are_one() -> None:
    found = parse_inf(secedit() + "\n[System Access]\nMinimumPasswordLength = 10\n")
    assert found["System Access"]["MinimumPasswordLength"] == "10"
    with pytest.raises(ProtocolMismatch, match="两个不同的值"):
        parse_inf(secedit() + "\n[System Access]\nMinimumPasswordLength = 4\n")


# ---- auditpol --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_audit_settings_are_found_by_guid_in_both_languages(language: str) -> None:
    for value in (0, 1, 2, 3):
        text = auditpol({"0cce9215": value}, language=language)
        assert read_audit(transcript({"auditpol": text})).setting(LOGON) == value


def test_another_language_is_read_by_its_numbers() -> None:
    german = auditpol(language="en").replace("Success and Failure", "Erfolg und Fehler")
    assert read_audit(transcript({"auditpol": german})).setting(LOGON) is None
    both = read_audit(transcript({"auditpol": german, "auditbackup": auditbackup()}))
    assert both.setting(LOGON) == 3


def test_exports_that_disagree_tell_nothing_of_what_they_disagree_on() -> None:
    found = read_audit(transcript({"auditpol": auditpol({"0cce9215": 0}), "auditbackup": auditbackup()}))
    assert found.setting(LOGON) is None
    assert found.setting(LOGON.replace("9215", "9235")) == 3


def test_settings_for_single_users_are_kept_apart_from_the_system() -> None:
    row = f"SRV,S-1-5-21-1-2-3-1005,登录,{{{LOGON}}},,成功,2"
    found = read_audit(transcript({"auditbackup": auditbackup(users=row)}))
    assert found.setting(LOGON) == 3
    assert [(user.sid, user.setting) for user in found.users or ()] == [("S-1-5-21-1-2-3-1005", 2)]


def test_four_in_a_backup_means_no_auditing_and_more_means_nothing() -> None:
    text = auditbackup().replace("成功和失败,,3", "无审核,,4", 1).replace("成功和失败,,3", "成功和失败,,9", 1)
    found = read_audit(transcript({"auditbackup": text}))
    values = {row.setting for row in found.subcategories or ()}
    assert values == {0, None, 3}


def test_no_auditpol_at_all_raises_what_hindered_it() -> None:
    with pytest.raises(NoPermission):
        read_audit(transcript({"auditpol": "", "auditbackup": ""}, {"auditpol": 5, "auditbackup": 5}))
    with pytest.raises(ProtocolMismatch):
        read_audit(transcript({"auditpol": "no,such,table", "auditbackup": ""}))


def test_legacy_categories_come_from_the_export() -> None:
    found = read_audit(transcript({"auditpol": auditpol(), "secedit": secedit(audit="1")}))
    assert (found.legacy or {})["AuditLogonEvents"] == 1
    assert read_audit(transcript({"auditpol": auditpol()})).legacy is None


# ---- accounts and groups ---------------------------------------------------------------------------


def test_accounts_are_known_by_their_relative_id() -> None:
    found = one(see(hardened()), WindowsAccounts)
    admin, guest = found.by_rid(500), found.by_rid(501)
    assert admin is not None
    assert guest is not None
    assert (admin.name, admin.disabled, admin.password_expires) == ("院内管理", False, True)
    assert (guest.disabled, guest.password_required, guest.never_set) == (True, False, True)
    assert admin.set_s == NOW - 20 * DAY


def test_an_old_system_tells_the_age_of_a_password_only() -> None:
    old = accounts().replace(f"\t{NOW - 10 * DAY}\t", "\t\t").replace("\tnever\t", "\t\t")
    found = read_accounts(transcript({"system": system(), "accounts": old}))
    by_name = {account.name: account for account in found.accounts}
    assert by_name["运维甲"].set_s == NOW - 10 * DAY
    assert (by_name["Guest"].set_s, by_name["Guest"].never_set) == (None, False)


def test_the_beginning_of_1970_is_no_end_of_an_account() -> None:
    """Windows says so of an account that never ends; in China it is eight hours earlier."""
    lasting = accounts(("account", "临时丙", f"{MACHINE}-1003", 0x201, DAY, NOW - DAY, -28800, -28800))
    found = read_accounts(transcript({"system": system(), "accounts": lasting})).accounts[-1]
    assert (found.name, found.login_s, found.expires_s) == ("临时丙", None, None)


@pytest.mark.parametrize(
    "line", ["account\tx", "account\t\tS-1-5-21-1-500\t1", "account\tx\tS-1-5-2\tno", ""]
)
def test_accounts_that_are_not_understood_are_refused(line: str) -> None:
    text = f"{accounts()}\n{line}" if line else ""
    with pytest.raises(ProtocolMismatch):
        read_accounts(transcript({"system": system(), "accounts": text}))


def test_members_of_a_domain_are_told_from_local_ones() -> None:
    group = "\nmember\tS-1-5-32-544\tS-1-5-21-9-9-9-512\tDomain Admins\tGroup\tWinNT://HOSPITAL/Domain Admins"
    sections = {**hardened(), "groups": hardened()["groups"] + group}
    members = one(see(sections), WindowsGroups).members("S-1-5-32-544")
    assert [(member.name, member.local) for member in members or ()] == [
        ("院内管理", True), ("运维甲", True), ("Domain Admins", False),
    ]  # fmt: skip


def test_a_group_that_could_not_be_listed_has_unknown_members() -> None:
    sections = {**hardened(), "groups": hardened()["groups"] + "\nunread\tS-1-5-32-544\tx"}
    found = one(see(sections), WindowsGroups)
    assert found.members("S-1-5-32-544") is None
    assert found.members("S-1-5-32-551") == ()


# ---- registry --------------------------------------------------------------------------------------


def test_values_that_are_absent_differ_from_those_that_were_not_read() -> None:
    found = one(see(hardened()), WindowsSettings)
    assert found.number("lsa.NoLMHash") == 1
    assert found.number("rdptcp.MaxIdleTime", 0) == 0
    assert found.number("no.such", 7) is None
    assert (found.text("update.WUServer"), found.text("no.such")) == ("", None)
    assert found.known("rdptcp.MaxIdleTime")
    assert not found.known("no.such")


def test_a_value_that_contradicts_itself_is_refused() -> None:
    for more in ("value\tlsa.NoLMHash\tDWord\t0", "absent\tlsa.NoLMHash"):
        with pytest.raises(ProtocolMismatch):
            read_settings(transcript({"registry": registry() + "\n" + more}))


def test_policy_goes_before_the_users_own_screen_saver() -> None:
    screens = one(see(hardened()), WindowsSettings).screens
    assert screens is not None
    assert (screens[0].active, screens[0].secure, screens[0].timeout_s) == (True, True, 600)
    off = one(see(weak()), WindowsSettings).screens
    assert off is not None
    assert (off[0].active, off[0].secure, off[0].timeout_s) == (False, False, None)
    assert read_settings(transcript({"registry": registry()})).screens is None


# ---- network ---------------------------------------------------------------------------------------


def test_sockets_are_told_by_shape_not_by_word() -> None:
    found = one(see(hardened()), HostListening).listeners
    assert [(s.protocol, s.address, s.port, s.process) for s in found] == [
        ("tcp", "0.0.0.0", 135, "svchost"), ("tcp", "0.0.0.0", 3389, "svchost"),
        ("tcp", "127.0.0.1", 14147, ""), ("tcp", "::", 3389, "svchost"),
        ("udp", "0.0.0.0", 123, "svchost"), ("udp", "fe80::1", 546, ""),
    ]  # fmt: skip
    with pytest.raises(ProtocolMismatch):
        read_listening(transcript({"netstat": "活动连接"}))


def test_firewall_profiles_and_rules() -> None:
    found = one(see(hardened()), WindowsFirewall)
    assert [(p.name, p.enabled, p.blocks, p.active) for p in found.profiles] == [
        ("domain", True, True, False), ("private", True, True, False), ("public", True, True, True),
    ]  # fmt: skip
    assert found.rules is not None
    rule = found.rules[0]
    assert (rule.action, rule.ports, rule.remote, rule.program, rule.service, rule.certain) == (
        "allow", ("3389",), ("10.20.9.0/255.255.255.0",), "svchost.exe", "termservice", True,
    )  # fmt: skip


def test_group_policy_goes_before_local_settings_and_may_set_local_rules_aside() -> None:
    policy = "\n".join(
        f"profile\tpolicy\t{name}\t1\t0\t0\t" for name in ("DomainProfile", "PrivateProfile", "PublicProfile")
    )
    found = one(see({**hardened(), "firewall": hardened()["firewall"] + "\n" + policy}), WindowsFirewall)
    assert {p.blocks for p in found.profiles} == {False}
    assert found.rules == ()
    one_only = policy.split("\n", maxsplit=1)[0]
    limited = one(see({**hardened(), "firewall": hardened()["firewall"] + "\n" + one_only}), WindowsFirewall)
    assert limited.rules is not None
    assert limited.rules[0].profiles == ("private", "public")


def test_a_rule_with_conditions_that_are_not_understood_is_uncertain() -> None:
    rule = parse_rule(
        "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=RPC|RPort=49000|"
        "LA4=192.168.1.0/255.255.255.0|RA4=LocalSubnet|RA6=LocalSubnet|App=c:\\path\\foo.exe|Name=T|"
        "Security=Authenticate|Security2_9=An-NoEncap|",
        "{F7EE5C6D}",
    )
    assert (rule.certain, rule.profiles, rule.remote, rule.program) == (
        False, ("public",), ("LocalSubnet",), "foo.exe",
    )  # fmt: skip


def test_rules_of_packaged_applications_open_nothing_else() -> None:
    rule = parse_rule(
        "v2.26|Action=Allow|Active=TRUE|Dir=In|Profile=Domain|Profile=Public|Name=@{Microsoft.Windows.Cortana}|"
        "LUOwn=S-1-5-21-1-2-3-500|AppPkgId=S-1-15-2-1861897761|EmbedCtxt=x|Platform=2:6:2|Platform2=GTEQ|",
        "{C}",
    )
    assert (rule.program, rule.ports, rule.certain) == ("appcontainer", (), False)


def test_shares_and_services() -> None:
    seen = see(weak())
    shares = {share.name: share for share in one(seen, WindowsShares).shares}
    assert (shares["C$"].administrative, shares["public"].administrative) == (True, False)
    assert shares["public"].rights is not None
    assert shares["public"].rights[0].sid == "S-1-1-0"
    assert shares["C$"].rights is None
    services = one(seen, WindowsServices)
    assert services.running("tlntsvr")
    assert not services.running("EventLog")
    assert not services.running("NoSuch")


# ---- software, logs, trust -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1/10/2026", 20463), ("20190907", 18146), ("2026/1/10", 20463), ("01d5661e3a5c8000", 18147),
        ("", None), ("13/45/2026", None), ("bad", None), ("ffffffffffffffff", None),
    ],
)  # fmt: skip
def test_days_of_updates(text: str, day: int | None) -> None:
    assert day_of(text) == day


def test_updates_that_were_not_searched_for_are_not_none_pending() -> None:
    full = one(see(hardened()), WindowsUpdates)
    assert (full.pending, full.searched_s) == ((), NOW - 2 * DAY)
    for state in ("skipped", "timeout", "failed"):
        text = hardened()["updates"].replace("search\tcomplete", f"search\t{state}")
        assert read_updates(transcript({"system": system(), "updates": text})).pending is None
    weakly = one(see(weak()), WindowsUpdates).pending
    assert weakly is not None
    assert (weakly[0].articles, weakly[0].security) == (("KB5034819",), True)


def test_logs() -> None:
    found = one(see(hardened()), WindowsLogs)
    log = found.get("security")
    assert log is not None
    assert (log.enabled, log.max_bytes, log.retain, log.archive) == (True, 4 * 2**30, False, False)
    assert (log.oldest_s, log.size_bytes, log.records) == (NOW - 200 * DAY, 2**30, 900_000)
    assert log.access.startswith("O:BAG:SYD:")
    assert (found.get("nothing"), len(found.subscriptions or ())) == (None, 1)


def test_trust_and_defence() -> None:
    seen = see(hardened())
    trust = one(seen, WindowsTrust)
    assert (trust.tpm, trust.tpm_ready, trust.tpm_version) == (True, True, "2.0")
    assert (trust.guards, trust.integrity) == ((1, 2), 2)
    assert one(see(weak()), WindowsTrust).tpm is False
    defence = one(seen, WindowsDefence)
    assert defence.products is None
    assert (defence.defender or {})["RealTimeProtectionEnabled"] == "True"


@pytest.mark.parametrize(
    ("text", "at"),
    [("2026-03-01T02:00:00.1234567Z", 1_772_330_400), ("2026-03-01T02:00:00Z", 1_772_330_400), ("", None),
     ("2026-13-01T02:00:00Z", None), ("2026-03-01 02:00", None)],
)  # fmt: skip
def test_moments(text: str, at: int | None) -> None:
    assert moment_s(text) == at


def test_hostile_bodies_end_in_errors_of_ours() -> None:
    """Long lines, stray bytes, words for numbers: missing facts with a reason, never a crash or a value."""
    bad = ("x" * 200_000, "account\t" * 30_000, "\t\t\t\n" * 1000, "[a]\n[b]\n=\n===", "gl\tSecurity")
    for body in bad:
        seen = see(dict.fromkeys(hardened(), body))
        brought = {kind_of(fact) for fact in seen.facts} | {lack.fact for lack in seen.missing}
        assert brought == {kind_of(kind) for kind in WINDOWS_FACTS}
        told = {kind_of(fact) for fact in seen.facts}
        assert told <= {"windows.logs", "windows.settings", "windows.shares", "windows.updates",
                        "windows.software", "windows.events", "windows.defence", "windows.trust",
                        "windows.firewall"}  # fmt: skip


def test_a_long_line_hides_nothing() -> None:
    sections = {**hardened(), "shares": hardened()["shares"] + "\nshare\tC$\t2147483648\t" + "x" * 70_000}
    assert [lack.fact for lack in see(sections).missing] == ["windows.shares"]


def test_the_collectors_words_reach_nobody_as_an_exception(tmp_path: Path) -> None:
    with pytest.raises(ProbeError):
        read_collected(envelope(hardened())[:-200], where=str(tmp_path))
