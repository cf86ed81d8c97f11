"""Runs real probes against a real server on loopback and applies every check that fits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from dengbao import checking
from dengbao.errors import ProbeError, Reason
from dengbao.judging import Outcome, apply, bind_params
from dengbao.model import Asset, Facts, Level, Missing, ParamValue, Raw, Scope, kind_of
from dengbao.probes.base import Context, Debt, Observed, ProbeSpec, Purpose, missing
from dengbao.probes.logins import Logins
from dengbao.probes.registry import probes_for
from dengbao.probes.sessions import Sessions
from dengbao.redact import Redactor
from dengbao.scope import Contact, Guard
from dengbao.secrets import Secrets

# A hospital's servers are spared; those of the tests need not be, and the pace has tests of its own.
PER_S = 5000.0
REGISTRY = checking.load(Path(__file__).parents[2] / "checks")

# The values tests judge by; the suite's own profile is tested elsewhere.
PROFILE: Mapping[str, ParamValue] = {
    "password_min_length": 8,
    "password_classes": 4,
    "password_max_age_days": 90,
    "lockout_max_attempts": 5,
    "lockout_min_duration_s": 300,
    "idle_timeout_max_s": 600,
    "log_retention_min_days": 180,
    "inactive_account_days": 90,
    "umask_max": "027",
    "tls_versions_allowed": ("TLSv1.2", "TLSv1.3"),
    "tls_min_rsa_bits": 2048,
    "tls_min_ec_bits": 224,
    "certificate_min_days_left": 1,
    "high_risk_ports": (
        "21", "23", "69", "111", "135", "137", "138", "139", "445", "512", "513", "514", "515",
        "873", "2049", "3306", "3389", "5900", "5901", "6379", "11211", "27017",
    ),
    "ssh_weak_algorithms": (
        "none", "arcfour*", "*-cbc", "hmac-md5*", "diffie-hellman-group1-sha1", "ssh-dss*", "ssh-rsa",
    ),
    "ssh_min_rsa_bits": 2048,
    "unneeded_services": (
        "telnet.socket", "rsh.socket", "rlogin.socket", "rexec.socket", "vsftpd.service", "tftp.socket",
        "avahi-daemon.service", "cups.service", "rpcbind.service", "nfs-server.service", "smbd.service",
    ),
    "unneeded_packages": (
        "telnetd", "telnet-server", "rsh-server", "vsftpd", "tftpd", "xinetd", "ypserv", "gcc",
    ),
    "windows_unneeded_services": ("TlntSvr", "FTPSVC", "RemoteRegistry", "Spooler", "SNMP"),
    "windows_unneeded_features": ("TelnetServer", "TFTP", "SNMP", "SMB1Protocol"),
    "windows_unneeded_programs": ("TeamViewer", "向日葵"),
    "necessary_personal_fields": ("name", "id_card", "phone", "insurance_no"),
    "web_default_accounts": ("admin:admin", "test:123456"),
    "audit_record_lag_s": 8,
    "backup_age_tolerance_percent": 50,
    "backup_rows_tolerance_percent": 10,
    "offsite_lag_max_s": 300,
    "superuser_max": 2,
    "package_index_max_age_days": 30,
    "unneeded_database_components": (
        "adminpack", "dblink", "file_fdw", "plperlu", "federated", "Oracle Application Express",
    ),
    "sample_databases": ("test", "sakila", "world", "dvdrental"),
    # What the servers of these tests are measured by, whenever they run.
    "database_support_ends": ("postgresql 15 2099-01-01", "mariadb 10.11 2099-01-01"),
    "database_least_versions": ("postgresql 15 15.1", "mariadb 10.11 10.11.3"),
    "database_versions_as_of": "2025-08-14",
    "database_versions_max_age_days": 36500,
    "collected_max_age_days": 30,
    "capture_max_age_days": 30,
    "vulnerability_data_max_age_days": 30,
    "vulnerability_data_min_entries": 1000,
}  # fmt: skip


@dataclass
class MemoryLedger:
    """Attempts kept in memory."""

    outcomes: dict[str, str | None] = field(default_factory=dict)
    owed: dict[str, str] = field(default_factory=dict)
    remembered: dict[str, str] = field(default_factory=dict)

    def begin(self, key: str) -> str | None:
        if key in self.outcomes:
            return self.outcomes[key]
        self.outcomes[key] = None
        return None

    def end(self, key: str, outcome: str) -> None:
        self.outcomes[key] = outcome

    def owe(self, key: str, what: str) -> None:
        self.owed[key] = what

    def settle(self, key: str) -> None:
        self.owed.pop(key, None)

    def debts(self) -> tuple[Debt, ...]:
        return tuple(Debt(key, what) for key, what in self.owed.items())

    def remember(self, key: str, text: str) -> None:
        self.remembered[key] = text

    def recall(self, key: str) -> str | None:
        return self.remembered.get(key)


@dataclass
class Sight:
    """All that the probes brought from one asset."""

    asset: Asset
    facts: dict[str, Facts] = field(default_factory=dict)
    missing: dict[str, Missing] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    contacts: list[Contact] = field(default_factory=list)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    privilege: dict[str, str] = field(default_factory=dict)
    announced: list[tuple[Purpose, str]] = field(default_factory=list)
    given: Context | None = None

    def context(self, ledger: MemoryLedger) -> Context:
        """Return the context its probes were given, with another ledger: what an `undo` is given."""
        assert self.given is not None
        return replace(self.given, ledger=ledger)

    def judge(self, check: str, params: Mapping[str, ParamValue] = {}) -> Outcome:
        """Apply the one variant of `check` that fits this asset's probes."""
        variant = self._variant(check)
        assert variant is not None, f"no variant of {check} fits {self.asset.id}"
        values = bind_params(variant, PROFILE, params)
        return apply(variant, asset=self.asset, facts=self.facts, missing=self.missing, params=values)

    def verdicts(self, chosen: Iterable[str] = ()) -> dict[str, str]:
        """Return check → verdict or status, for every check with a variant for this asset."""
        ids = tuple(chosen) or tuple(one for one in REGISTRY.ids() if self._variant(one) is not None)
        found = {one: self.judge(one) for one in ids}
        return {one: (got.verdict or got.status).value for one, got in found.items()}

    def _variant(self, check: str) -> checking.Variant | None:
        offered = {kind for spec in probes_for(self.asset) for kind in spec.fact_kinds}
        for variant in REGISTRY.of(check):
            if {kind_of(need.facts) for need in variant.needs if not need.optional} <= offered:
                return variant
        return None


def look(
    asset: Asset,
    *,
    scope: Scope | None = None,
    only: Iterable[str] = (),
    profile: Mapping[str, ParamValue] = PROFILE,
    engines: Mapping[str, str] = {},
    ledger: MemoryLedger | None = None,
    folder: Path | None = None,
    vulnerabilities: Path | None = None,
    logins: Logins | None = None,
    sessions: Sessions | None = None,
    others: Iterable[Asset] = (),
) -> Sight:
    """Run the probes that apply to `asset`; what they may not or cannot do is noted as missing."""
    sight = Sight(asset, ledger=ledger or MemoryLedger())
    redactor = Redactor()
    asked = scope or Scope(level=Level.DISRUPT, addresses=("127.0.0.0/8", "[::1]"), local=True)
    guard = Guard(msgspec.structs.replace(asked, connections_per_s=PER_S), log=sight.contacts.append)

    def keep(name: str, data: bytes, /) -> Raw:
        clean = redactor.data(data)
        sight.raw[name] = clean
        return Raw(name=name, sha256=hashlib.sha256(clean).hexdigest(), size_bytes=len(clean))

    def announce(purpose: Purpose, request: str, /) -> None:
        guard.require(purpose.level, what=purpose.text)
        sight.announced.append((purpose, request))

    context = Context(
        guard=guard,
        secrets=Secrets(redactor),
        keep=keep,
        ledger=sight.ledger,
        profile=profile,
        engines=engines,
        folder=folder,
        assets={one.id: one for one in (*others, asset)},
        vulnerabilities=vulnerabilities,
        logins=logins or Logins(),
        sessions=sessions or Sessions(),
        announce=announce,
    )
    sight.given = context
    wanted = set(only)

    async def run_all() -> None:
        for spec in probes_for(asset):
            if not wanted or spec.name in wanted:
                await _run(spec, asset, context, sight)

    asyncio.run(run_all())
    return sight


async def _run(spec: ProbeSpec, asset: Asset, context: Context, sight: Sight) -> None:
    module, _, name = spec.run.partition(":")
    probe = getattr(__import__(module, fromlist=[name]), name)
    try:
        context.guard.require(spec.level, what=spec.title)
        async with asyncio.timeout(spec.timeout_s):
            observed: Observed = await probe(asset, context)
    except ProbeError as exc:
        for facts in spec.facts:
            lack = missing(facts, exc, exc.reason)
            sight.missing[lack.fact] = lack
        return
    except TimeoutError:
        for facts in spec.facts:
            sight.missing[kind_of(facts)] = Missing(
                fact=kind_of(facts), reason=Reason.TIMED_OUT, message="探测超时"
            )
        return
    sight.privilege[spec.name] = observed.privilege
    sight.facts.update({kind_of(one): one for one in observed.facts})
    sight.missing.update({one.fact: one for one in observed.missing})
    brought = {kind_of(one) for one in observed.facts} | {one.fact for one in observed.missing}
    assert brought == set(spec.fact_kinds), (
        f"{spec.name} neither brought nor missed {brought ^ set(spec.fact_kinds)}"
    )


def agree(situation: str, sight: Sight, expected: Mapping[str, str]) -> None:
    """Assert that every check that fits the asset gives the verdict written down beforehand.

    The table of all live verdicts is appended to the file named by `DENGBAO_MATRIX`.
    """
    got = sight.verdicts()
    table = os.environ.get("DENGBAO_MATRIX")
    if table:
        with Path(table).open("a", encoding="utf-8") as out:
            for check, verdict in got.items():
                row = {
                    "situation": situation, "check": check, "kind": sight.asset.kind.value,
                    "platform": sight.asset.platform, "got": verdict, "expected": expected.get(check, "?"),
                }  # fmt: skip
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
    wrong = {
        one: f"expected {expected.get(one, '?')}, got {got.get(one)}: {sight.judge(one).statement}"
        for one in sorted(set(got) | set(expected))
        if one not in got or got[one] != expected.get(one)
    }
    assert not wrong, "\n".join(f"{situation} {one}: {text}" for one, text in wrong.items())


def claims_no_more(full: Mapping[str, str], less: Mapping[str, str]) -> None:
    """Assert that an account with fewer rights proves what the full account proved, or nothing at all.

    A world-readable file proves the same to everyone; what needs the missing right is undetermined.
    """
    more = {one: verdict for one, verdict in less.items() if verdict not in {"undetermined", full.get(one)}}
    assert not more, f"said with fewer rights, but not with all of them: {more}"
    assert "undetermined" in less.values()
