"""Doctor says before the run what will be refused or is lacking, and contacts nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from dengbao import doctor
from dengbao.catalog import load_engagement, load_suite
from dengbao.checking import FactNeed, Registry, Variant
from dengbao.content import Content
from dengbao.doctor import Finding, Weight, examine, worst
from dengbao.engines import ENGINES
from dengbao.model import Criterion, Facts, Judgement
from dengbao.probes.backup.facts import BackupFiles
from dengbao.probes.database.facts import DatabaseServer
from dengbao.probes.host.facts import HostAccounts
from dengbao.probes.ports.facts import PortsOpen
from dengbao.probes.tls.facts import TlsEndpoint
from dengbao.probes.web.facts import WebDefaultAccounts, WebEmptyPassword, WebPages, WebSession
from dengbao.session import Session

from .builders import CHAPTER, PROFILE, SUITE_FILES
from .guards import Names

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FOUND = {one.name: f"/usr/bin/{one.name}" for one in ENGINES}
SUITE = {
    **SUITE_FILES,
    "01_identity.yaml": CHAPTER.replace("kinds: [web, host]", "kinds: [web, host, tls, database, backup]")
    .replace("          - use: demo.length\n", "")
    .replace("            with: {password_min_length: $password_min_length}\n", ""),
}
HEAD = """\
schema: 1
suite: small
institution: {name: 示范医院}
system: {name: HIS, vendor: 示范软件公司, production_environment: ["198.51.100.7:443"]}
parties:
  local_bureau: {name: 医保局}
  platform_vendor: {name: 平台厂商}
  access_party: {name: 示范软件公司}
"""
SCOPE = """\
scope:
  level: disrupt
  addresses: ["127.0.0.0/8", "his.test:443"]
  production: ["198.51.100.7:443"]
  window: {begin: 2026-03-01T08:00:00+08:00, end: 2026-03-02T08:00:00+08:00}
  authorised: {by: {name: 王主任, org: 示范医院}, document: 授权书1号, at: 2026-02-01}
"""
WEB = "  - {kind: web, id: his, name: 业务系统, url: 'https://his.test/'}\n"
HOST = (
    "  - {kind: host, id: app, name: 服务器, address: 127.0.0.9, account: audit, scan: '1-1024',\n"
    "     host_key: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',\n"
    "     accounts: [{id: audit, username: audit, secret: '${ENV:DOCTOR_PASSWORD}'}]}\n"
)
BACKUP = "  - {kind: backup, id: bak, name: 备份, path: backup}\n"


def judge(**_facts: object) -> Judgement:
    """Judge nothing."""
    seen = Criterion(name="x", question="？", met=True, measured="是", fact="x")
    return Judgement(criteria=(seen,), statement="经核查，是。")


def variant(*facts: type[Facts]) -> Variant:
    needs = tuple(FactNeed(one.__name__, one, optional=False) for one in facts)
    return Variant("demo.login", judge, needs, None, "", "", Path(__file__))


CHECKS = Registry(
    {
        "demo.login": [
            variant(WebPages, WebSession, WebEmptyPassword, WebDefaultAccounts),
            variant(HostAccounts, PortsOpen),
            variant(TlsEndpoint),
            variant(DatabaseServer),
            variant(BackupFiles),
        ]
    }
)
NAMES = {"his.test": ("127.0.0.8",), "prod.test": ("198.51.100.7",)}


def session_of(folder: Path, assets: str, *, scope: str = SCOPE) -> Session:
    target = folder / "suites" / "small"
    target.mkdir(parents=True)
    for name, text in {**SUITE, "profile.yaml": PROFILE}.items():
        (target / name).write_text(text, encoding="utf-8")
    (folder / "backup").mkdir()
    (folder / "engagement.yaml").write_text(f"{HEAD}{scope}assets:\n{assets}", encoding="utf-8")
    engagement = load_engagement(folder)
    return Session(folder, Content(folder), load_suite(target, CHECKS), CHECKS, engagement)


def look(
    folder: Path,
    assets: str,
    *,
    scope: str = SCOPE,
    now: datetime = NOON,
    names: Mapping[str, tuple[str, ...]] = NAMES,
) -> tuple[Finding, ...]:
    session = session_of(folder, assets, scope=scope)
    return examine(session, resolve=Names(names), now=lambda: now, engines=FOUND)


def bad(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(one.weight.value, one.subject, one.message) for one in findings if one.weight is not Weight.OK]


def only(findings: tuple[Finding, ...]) -> Finding:
    (found,) = [one for one in findings if one.weight is not Weight.OK]
    assert found.cure or "无法解析主机名" in found.message  # the resolver of these tests names no cure
    return found


# ---- all well ------------------------------------------------------------------------------------


def test_a_sound_engagement_has_nothing_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_PASSWORD", "x-y-z-1")
    findings = look(tmp_path, WEB + HOST + BACKUP)
    assert bad(findings) == []
    assert worst(findings) is Weight.OK
    told = {one.subject: one.message for one in findings}
    assert told["授权"] == "示范医院王主任，授权书1号，“破坏性测试”级"
    assert told["his"] == "允许连接 his.test:443（127.0.0.8）"
    assert told["app"] == "允许连接 127.0.0.9:22"
    assert set(FOUND) <= set(told)


def test_the_worst_finding_counts() -> None:
    def of(*weights: Weight) -> tuple[Finding, ...]:
        return tuple(Finding(weight=one, subject="x", message="x") for one in weights)

    assert worst(()) is Weight.OK
    assert worst(of(Weight.OK, Weight.NOTE)) is Weight.NOTE
    assert worst(of(Weight.ERROR, Weight.WARNING, Weight.OK)) is Weight.ERROR
    assert [one.zh for one in Weight] == ["正常", "提示", "注意", "错误"]


def test_nobody_is_contacted(tmp_path: Path) -> None:
    """Every asset is at an address where connecting would take seconds to fail."""
    assets = WEB + HOST.replace("127.0.0.9", "192.0.2.9")
    scope = SCOPE.replace("127.0.0.0/8", "192.0.2.0/24")
    findings = look(tmp_path, assets, scope=scope, names={"his.test": ("192.0.2.8",)})
    assert any(one.message == "允许连接 192.0.2.9:22" for one in findings)


# ---- authority -----------------------------------------------------------------------------------


def test_without_an_authorisation_it_warns(tmp_path: Path) -> None:
    scope = SCOPE.partition("  authorised")[0]
    assert only(look(tmp_path, BACKUP, scope=scope)).message == "未登记授权人与授权文件"


@pytest.mark.parametrize("now", [NOON.replace(year=2025), NOON.replace(year=2027)])
def test_outside_the_window_it_says_so_once(
    tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCTOR_PASSWORD", "x-y-z-1")
    finding = only(look(tmp_path, WEB + HOST, now=now))
    assert (finding.weight, finding.subject) == (Weight.ERROR, "时段")
    assert "2026-03-01 08:00 至 2026-03-02 08:00" in finding.message


def test_without_production_addresses_it_warns(tmp_path: Path) -> None:
    scope = SCOPE.replace('  production: ["198.51.100.7:443"]\n', "")
    messages = [one[2] for one in bad(look(tmp_path, BACKUP, scope=scope))]
    assert messages == [
        "未登记生产环境地址，无法替您拦住误连",
        "申报表中的生产地址 198.51.100.7:443 未列入 scope.production",
    ]


def test_names_of_the_scope_that_do_not_resolve_are_named(tmp_path: Path) -> None:
    scope = SCOPE.replace('"198.51.100.7:443"]', '"198.51.100.7:443", "gone.test"]')
    assert only(look(tmp_path, BACKUP, scope=scope)).message == "gone.test 无法解析，只按名称比对"


def test_an_asset_in_production_is_refused(tmp_path: Path) -> None:
    finding = only(look(tmp_path, WEB.replace("his.test", "prod.test")))
    assert (finding.weight, finding.subject) == (Weight.ERROR, "his")
    assert "已登记为生产环境地址，拒绝连接" in finding.message


@pytest.mark.parametrize(
    ("asset", "message"),
    [
        (WEB.replace("his.test", "192.0.2.1:8443"), "192.0.2.1:8443 不在授权地址范围内"),
        (WEB.replace("https://his.test", "http://192.0.2.1"), "192.0.2.1:80 不在授权地址范围内"),
        (WEB.replace("his.test", "gone.test"), "无法解析主机名 gone.test"),
        ("  - {kind: tls, id: api, name: 接口, address: '192.0.2.1'}\n", "192.0.2.1:443 不在授权地址范围内"),
        (
            "  - {kind: database, id: db, name: 库, platform: postgresql, address: 192.0.2.1}\n",
            "192.0.2.1:5432 不在授权地址范围内",
        ),
        (
            "  - {kind: database, id: db, name: 库, platform: mysql, address: '192.0.2.1:3307'}\n",
            "192.0.2.1:3307 不在授权地址范围内",
        ),
        (
            "  - {kind: database, id: db, name: 库, platform: mariadb, address: '[fd00::1]:3306'}\n",
            "fd00::1:3306",
        ),
    ],
)
def test_an_asset_out_of_scope_is_refused_at_its_port(tmp_path: Path, asset: str, message: str) -> None:
    finding = only(look(tmp_path, asset))
    assert finding.weight is Weight.ERROR
    assert message in finding.message


def test_what_the_level_does_not_allow_is_told_once_for_each_asset_and_level(tmp_path: Path) -> None:
    findings = look(tmp_path, WEB, scope=SCOPE.replace("disrupt", "observe"))
    assert [(weight, message.partition("（")[0]) for weight, _, message in bad(findings)] == [
        ("warning", "将跳过：以登记账户登录，查看会话与退出"),
        ("warning", "将跳过：以空口令尝试登录一次、以常见默认账户各尝试登录一次"),
    ]
    assert "需要“侵入性测试”级授权，本项目为“观察”级" in bad(findings)[1][2]


def test_a_local_host_outside_the_scope_is_refused(tmp_path: Path) -> None:
    local = "  - {kind: host, id: here, name: 本机, address: local}\n"
    assert only(look(tmp_path / "a", local)).message == "本机不在授权范围内，将不采集"
    allowed = SCOPE.replace("disrupt", "disrupt\n  local: true")
    assert bad(look(tmp_path / "b", local, scope=allowed)) == []


def test_ports_outside_the_scope_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_PASSWORD", "x-y-z-1")
    scope = SCOPE.replace("127.0.0.0/8", "127.0.0.9:22")
    finding = only(look(tmp_path / "a", HOST, scope=scope))
    assert finding.message == "要查看 1024 个端口，授权范围内只有 1 个，其余不查看"
    elsewhere = bad(look(tmp_path / "b", HOST.replace("127.0.0.9", "192.0.2.9")))
    assert [one[2] for one in elsewhere] == [
        "192.0.2.9:22 不在授权地址范围内",
        "要查看 1024 个端口，授权范围内只有 0 个，其余不查看",
    ]


# ---- secrets and files ---------------------------------------------------------------------------


def test_a_host_without_a_pinned_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCTOR_PASSWORD", "x-y-z-1")
    unpinned = HOST.replace("     host_key: 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',\n", "")
    finding = only(look(tmp_path, unpinned))
    assert (finding.weight, finding.message) == (Weight.ERROR, "未登记主机密钥，不会向未经核实的主机提交口令")


@pytest.mark.parametrize(("value", "state"), [(None, "未设置"), ("", "是空的")])
def test_a_password_variable_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, state: str
) -> None:
    monkeypatch.delenv("DOCTOR_PASSWORD", raising=False)
    if value is not None:
        monkeypatch.setenv("DOCTOR_PASSWORD", value)
    finding = only(look(tmp_path, HOST))
    assert (finding.weight, finding.subject) == (Weight.ERROR, "app/audit")
    assert finding.message == f"环境变量 DOCTOR_PASSWORD {state}，该账户无法登录"
    assert finding.cure == "export DOCTOR_PASSWORD=…"


def test_an_account_that_no_probe_uses_is_only_noted(tmp_path: Path) -> None:
    finding = only(look(tmp_path, HOST.replace("account: audit", "account: ''")))
    assert finding.weight is Weight.NOTE


def test_below_the_level_of_logins_nobody_needs_a_password(tmp_path: Path) -> None:
    findings = look(tmp_path, HOST, scope=SCOPE.replace("disrupt", "observe"))
    assert [one[0] for one in bad(findings)] == ["warning"]


def test_a_keyring_that_is_not_installed_is_named(tmp_path: Path) -> None:
    finding = only(look(tmp_path, HOST.replace("${ENV:DOCTOR_PASSWORD}", "keyring:app/audit")))
    assert "未安装 keyring" in finding.message


def test_a_prompt_needs_nothing_beforehand(tmp_path: Path) -> None:
    assert bad(look(tmp_path, HOST.replace("${ENV:DOCTOR_PASSWORD}", "prompt:"))) == []


@pytest.mark.parametrize("key", ["ca_file", "known_hosts", "key_file"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("DOCTOR_PASSWORD", "x-y-z-1")
    monkeypatch.setenv("HOME", str(tmp_path))
    assets = {
        "ca_file": WEB.replace("id: his", "id: his, ca_file: '~/mine'"),
        "known_hosts": HOST.replace("id: app", "id: app, known_hosts: '~/mine'"),
        "key_file": HOST.replace("username: audit", "username: audit, key_file: '~/mine'"),
    }
    finding = only(look(tmp_path / "a", assets[key]))
    assert (finding.weight, finding.message) == (Weight.ERROR, f"{key} 所指的文件不存在：{tmp_path / 'mine'}")
    (tmp_path / "mine").touch()
    assert bad(look(tmp_path / "b", assets[key])) == []


def test_folders_and_files_that_are_read_here_must_be_there_and_allowed(tmp_path: Path) -> None:
    gone = BACKUP.replace("path: backup", "path: gone")
    assert only(look(tmp_path / "a", gone)).message == f"path 不存在：{(tmp_path / 'a' / 'gone').resolve()}"
    (tmp_path / "outside").mkdir()
    outside = BACKUP.replace("path: backup", f"path: '{tmp_path / 'outside'}'")
    assert "在项目目录之外" in only(look(tmp_path / "b", outside)).message
    allowed = SCOPE.replace("disrupt", "disrupt\n  local: true")
    assert bad(look(tmp_path / "c", outside, scope=allowed)) == []
    elsewhere = HOST + BACKUP.replace("path: backup", "path: /srv/his-backup, host: app")
    assert not [one for one in look(tmp_path / "d", elsewhere) if "path 不存在" in one.message]


# ---- engines -------------------------------------------------------------------------------------


def test_an_engine_that_is_missing_is_grave_only_where_it_is_needed(tmp_path: Path) -> None:
    session = session_of(tmp_path, "  - {kind: tls, id: api, name: 接口, address: '127.0.0.1:443'}\n")
    found = {one.subject: one for one in examine(session, engines={}, now=lambda: NOON, resolve=Names(NAMES))}
    assert found["sslyze"].weight is Weight.WARNING
    assert found["sslyze"].message == "未找到，受影响：TLS 版本、套件与已知缺陷"
    assert found["soffice"].weight is Weight.WARNING
    assert found["nmap"].weight is Weight.NOTE
    assert "本项目用不到" in found["nmap"].message


def test_engines_of_this_machine_are_looked_for_unless_told(tmp_path: Path) -> None:
    subjects = {one.subject for one in examine(session_of(tmp_path, BACKUP), now=lambda: NOON)}
    assert set(FOUND) <= subjects


def test_an_asset_that_no_check_looks_at_is_passed_over(tmp_path: Path) -> None:
    session = session_of(tmp_path, WEB)
    bare = msgspec.structs.replace(session.engagement, assets=session.engagement.assets)
    nothing = Session(
        tmp_path, session.content, session.suite, Registry({"demo.login": [variant(BackupFiles)]}), bare
    )
    findings = doctor.examine(nothing, resolve=Names(NAMES), now=lambda: NOON, engines=FOUND)
    assert "his" not in {one.subject for one in findings}
