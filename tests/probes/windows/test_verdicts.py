"""From the carried-in file to verdicts: every check that fits a Windows host, written down beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dengbao.errors import Reason
from dengbao.model import HostAsset, Level, Scope
from dengbao.probes.registry import probes_for

from ...live.harness import REGISTRY, Sight, agree, claims_no_more, look
from .samples import ADMIN_ONLY, envelope, hardened, secedit, system
from .weak import weak

NAMED = re.compile(r'(?:number|text|known)\(f?"([a-z]+\.[^"{]+)"')
SCOPE = Scope(level=Level.OBSERVE)
HARDENED: Mapping[str, str] = {
    "identity.login_required": "conform",
    "identity.unique_accounts": "conform",
    "identity.empty_password": "conform",
    "identity.password_complexity": "partial",  # Windows asks for three kinds of characters, never for four
    "identity.password_ageing": "conform",
    "identity.login_failure": "conform",
    "identity.lockout": "conform",
    "identity.idle_timeout": "conform",
    "identity.remote_admin_encrypted": "conform",
    "identity.two_factor": "nonconform",
    "identity.crypto_factor": "nonconform",
    "access.accounts_assigned": "conform",
    "access.anonymous_disabled": "conform",
    "access.default_account_renamed": "conform",
    "access.stale_accounts": "conform",
    "access.stale_disabled": "conform",
    "access.privilege_separation": "conform",
    "access.least_privilege": "conform",
    "access.no_overreach": "conform",
    "access.default_password": "conform",
    "access.roles_defined": "conform",
    "access.rules_configured": "conform",
    "audit.enabled": "conform",
    "audit.covers_users": "conform",
    "audit.covers_events": "conform",
    "audit.record_fields": "conform",
    "audit.log_protection": "conform",
    "audit.log_retention": "conform",
    "audit.process_protection": "conform",
    "intrusion.minimal_install": "conform",
    "intrusion.unneeded_packages": "conform",
    "intrusion.services": "conform",
    "intrusion.admin_sources": "conform",
    "intrusion.pending_updates": "conform",
    "intrusion.detection": "conform",
    "trusted.boot": "conform",
    "trusted.runtime": "conform",
    "residual.memory": "conform",
    "residual.session": "conform",
    "confidentiality.password_hash": "conform",
}
WEAK: Mapping[str, str] = {
    **dict.fromkeys(HARDENED, "nonconform"),
    "identity.unique_accounts": "conform",
    "access.accounts_assigned": "partial",  # a person has an account, but everybody may debug
}


def see(folder: Path, sections: Mapping[str, str], *, codes: Mapping[str, int] = {}, **header: str) -> Sight:
    """Read a collector file as a round does."""
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    (folder / "win.txt").write_bytes(envelope(sections, codes=codes, limit=2**23, begun=begun, **header))
    asset = HostAsset(id="his-db", name="HIS", platform="windows-server-2019", collected="win.txt")
    return look(asset, scope=SCOPE, folder=folder)


def without_rights() -> tuple[dict[str, str], dict[str, int]]:
    """Return the sections that an ordinary user gets, and the codes of those he does not."""
    return hardened() | dict.fromkeys(ADMIN_ONLY, ""), dict.fromkeys(ADMIN_ONLY, 5)


def test_a_hardened_chinese_server_2019(tmp_path: Path) -> None:
    sight = see(tmp_path, hardened())
    agree("windows, hardened", sight, HARDENED)
    assert sight.contacts == []
    assert sight.privilege == {"windows.collected": "administrator"}


def test_a_weak_english_server_2012_r2(tmp_path: Path) -> None:
    sight = see(tmp_path, weak())
    agree("windows, weak", sight, WEAK)


def test_fewer_rights_claim_no_more(tmp_path: Path) -> None:
    """What an ordinary user cannot read is undetermined for lack of rights, never judged by the rest."""
    full = see(tmp_path, hardened()).verdicts()
    sections, codes = without_rights()
    less = see(tmp_path, sections, codes=codes, privilege="user")
    claims_no_more(full, less.verdicts())
    outcome = less.judge("identity.lockout")
    assert outcome.reason is Reason.NO_PERMISSION
    assert "管理员" in outcome.statement


@pytest.mark.parametrize("role", [3, 5], ids=["member", "controller"])
def test_a_domain_leaves_open_what_its_own_policy_decides(tmp_path: Path, role: int) -> None:
    verdicts = see(tmp_path, {**hardened(), "system": system(role=role)}).verdicts()
    for check in ("password_complexity", "password_ageing", "lockout", "login_failure"):
        assert verdicts[f"identity.{check}"] == "undetermined"
    assert verdicts["audit.covers_events"] == "conform"  # auditpol tells what is in effect, domain or not


@pytest.mark.parametrize("left_out", sorted(hardened()))
def test_no_section_can_be_left_out_to_look_better(tmp_path: Path, left_out: str) -> None:
    """A file without a section never says 符合 where the whole file did not."""
    full = see(tmp_path, weak()).verdicts()
    part = see(tmp_path, {name: body for name, body in weak().items() if name != left_out}).verdicts()
    better = {one: (full[one], part[one]) for one in full if part[one] not in (full[one], "undetermined")}
    assert better == {}


def test_minus_one_and_zero_are_not_passed_as_small_numbers(tmp_path: Path) -> None:
    """The traps that other tools fall into, through the whole way from the export to the verdict."""
    for age in ("-1", "0"):
        changed = {**hardened(), "secedit": secedit({"MaximumPasswordAge": age}), "netaccounts": ""}
        assert see(tmp_path, changed).judge("identity.password_ageing").verdict == "partial"
    for count, verdict in (("0", "nonconform"), ("5", "conform"), ("6", "partial")):
        changed = {**hardened(), "secedit": secedit({"LockoutBadCount": count}), "netaccounts": ""}
        assert see(tmp_path, changed).judge("identity.lockout").verdict == verdict
    never = {**hardened(), "secedit": secedit({"LockoutDuration": "-1"}), "netaccounts": ""}
    assert see(tmp_path, never).judge("identity.lockout").verdict == "conform"


def test_nothing_of_linux_is_planned_for_a_windows_file() -> None:
    asset = HostAsset(id="w", name="w", platform="Windows Server 2016", collected="x.txt")
    specs = {spec.name: spec for spec in probes_for(asset)}
    assert "windows.collected" in specs
    kinds = {kind for spec in specs.values() for kind in spec.fact_kinds}
    assert {kind for kind in kinds if kind.startswith("host.")} <= {"host.listening", "host.audit_stop"}
    assert specs["windows.collected"].level is Level.OBSERVE


def test_every_check_has_one_function_at_most_for_windows() -> None:
    asset = HostAsset(id="w", name="w", platform="windows", collected="x.txt", address="10.0.0.1")
    offered = {kind for spec in probes_for(asset) for kind in spec.fact_kinds}
    for check in REGISTRY.ids():
        fitting = [
            one.function.__name__ for one in REGISTRY.of(check)
            if {need.facts.__struct_config__.tag for need in one.needs if not need.optional} <= offered
        ]  # fmt: skip
        assert len(fitting) <= 1, f"{check}: {fitting}"


def test_every_setting_that_is_judged_is_collected() -> None:
    """A name that the script does not read would be unknown for ever."""
    root = Path(__file__).parents[3]
    script = (root / "templates/collect/collect-windows.ps1").read_text(encoding="utf-8-sig")
    judged = {
        name
        for path in (root / "checks").glob("win*.py")
        for name in re.findall(
            r'(?:number|text|known)\(f?"([a-z]+\.[^"{]+)"', path.read_text(encoding="utf-8")
        )
    }
    assert len(judged) > 15
    for name in judged:
        group, _, value = name.partition(".")
        assert f"'{group}'" in script or group == "winlogon", name
        assert value.removesuffix(".present") in script, name


def test_a_file_that_is_not_there_is_told_with_its_cure(tmp_path: Path) -> None:
    asset = HostAsset(id="w", name="w", platform="windows", collected="none.txt")
    sight = look(asset, scope=SCOPE, folder=tmp_path)
    assert sight.missing["windows.policy"].reason is Reason.NOT_DECLARED
    assert set(sight.verdicts().values()) == {"undetermined"}


@pytest.mark.parametrize("what", ["altered", "cut", "linux"])
def test_an_altered_file_brings_nothing(tmp_path: Path, what: str) -> None:
    data = envelope(hardened(), begun=datetime.now(UTC).isoformat(timespec="seconds"))
    spoiled = {
        "altered": data.replace(b"LockoutBadCount = 5", b"LockoutBadCount = 3"),
        "cut": data[: len(data) // 2],
        "linux": envelope(hardened(), platform="linux", begun=datetime.now(UTC).isoformat()),
    }[what]
    (tmp_path / "win.txt").write_bytes(spoiled)
    asset = HostAsset(id="w", name="w", platform="windows", collected="win.txt")
    sight = look(asset, scope=SCOPE, folder=tmp_path)
    assert sight.facts == {}
    assert set(sight.verdicts().values()) == {"undetermined"}
