"""1.c.1: is remote administration encrypted?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabaseAccess, DatabaseAccounts, DatabaseServer
from dengbao.probes.host.facts import HostSshd
from dengbao.probes.host.system_facts import HostListening, HostServices
from dengbao.probes.tls.facts import TlsEndpoint, TlsVersions
from dengbao.probes.web.facts import WebLoginPage, WebPlain, WebSession
from dengbao.probes.web.facts_sent import WebPasswordSent
from dengbao.probes.windows.facts import WindowsIdentity, WindowsSettings

from .. import databases, db_channels, proofs, win_channels, windows
from ..channels import ChannelParams, allowed_version, no_other_version, no_plain_suite, require_tls, sight
from ..hosts import SSHD, ask, match_note, told, unless_matched
from ..web_channel import channel, channel_proofs, unseen
from ..web_channel import sight as login_sight
from ..wording import listing


@check("identity.remote_admin_encrypted", half="是否另有未加密的管理通道")
def endpoint_is_encrypted(endpoint: TlsEndpoint, seen: TlsVersions, params: ChannelParams) -> Judgement:
    """Judge that a declared endpoint takes allowed TLS versions only, and no suite that protects nothing.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    require_tls(seen)
    allowed = params.tls_versions_allowed
    suites = no_plain_suite(seen)
    criteria = (allowed_version(seen, allowed), no_other_version(seen, allowed), suites)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，通信端点 {sight(seen)}；不加密、匿名或出口级套件：{suites.measured}。",
        coverage=Coverage.PARTIAL,
        remainder=f"{endpoint.server_name} 是否为远程管理路径、是否另有未加密的管理通道，须人工核查",
        proofs=proofs.channel(seen, criteria),
    )


@check("identity.remote_admin_encrypted", half="是否另有未加密的远程管理途径")
def web_login_page_is_encrypted(
    login: WebLoginPage,
    plain: WebPlain | None,
    session: WebSession | None,
    sent: WebPasswordSent | None,
) -> Judgement:
    """Judge that the application is logged in to over HTTPS only.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    criteria = channel(login, plain, session, sent)
    more = f"；{unseen(plain)}" if unseen(plain) else ""
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{login_sight(login, criteria)}{more}。",
        coverage=Coverage.PARTIAL,
        remainder=f"是否另有未加密的远程管理途径，须人工核查{more}",
        proofs=channel_proofs(login, plain, criteria),
    )


# Cleartext remote administration by its registered TCP port, and the daemons that are something else there.
_CLEARTEXT: Final[Mapping[int, str]] = {23: "Telnet", 512: "rexec", 513: "rlogin", 514: "rsh"}
_FTP: Final = 21
_SYSLOG: Final = frozenset({"rsyslogd", "syslog-ng"})
_DESKTOPS: Final = frozenset(range(5900, 5910))
_WEAK_CIPHERS: Final = ("3des", "arcfour", "blowfish", "cast128", "none", "des")


@check("identity.remote_admin_encrypted")
def host_is_administered_over_ssh(
    sockets: HostListening, sshd: HostSshd, services: HostServices | None
) -> Judgement:
    """Judge that no cleartext administration listens, and that sshd takes no broken cipher.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    criteria = (*_no_cleartext(sockets), *_ftp(sockets, services), *_ciphers(sshd))
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}。")


def _no_cleartext(sockets: HostListening) -> tuple[Criterion, ...]:
    open_ports = [one for one in sockets.listeners if one.protocol == "tcp" and one.reachable]
    clear = [
        one
        for one in open_ports
        if one.port in _CLEARTEXT and not (one.port == 514 and one.process in _SYSLOG)
    ]
    unsure = [one for one in clear if one.port == 514 and not one.process]
    found = listing(f"{_CLEARTEXT[one.port]}（TCP {one.port}）" for one in clear)
    met = None if clear and clear == unsure else not clear
    seen = f"开启了明文远程管理：{found}" if met is False else f"TCP 514 的用途未能确认：{found}"
    criteria = [
        ask(
            "no_cleartext",
            "是否未开启明文远程管理",
            met,
            "未开启 Telnet、rlogin、rsh 等明文远程管理" if met else seen,
            "host.listening",
            decisive=True,
        )
    ]
    desktops = sorted({one.port for one in open_ports if one.port in _DESKTOPS})
    if desktops:
        seen = f"TCP {listing(desktops)} 有图形远程服务，是否加密未能确认"
        criteria.append(ask("desktops", "图形远程管理是否加密", None, seen, "host.listening"))
    return tuple(criteria)


def _ftp(sockets: HostListening, services: HostServices | None) -> tuple[Criterion, ...]:
    """Return whether FTP, where it listens, demands TLS: only vsftpd's file tells, others are not known."""
    found = [one for one in sockets.listeners if one.protocol == "tcp" and one.port == _FTP and one.reachable]
    if not found:
        return ()
    names = {one.process for one in found}
    met = services.ftp_demands_tls if services is not None and names == {"vsftpd"} else None
    what = f"FTP（TCP {_FTP}，{listing(sorted(filter(None, names))) or '进程未知'}）"
    seen = "是否强制加密未能确认"
    if met is not None:
        seen = "要求本地账户经 TLS 登录" + _ftp_data(services) if met else "未强制 TLS，口令可明文传输"
    return (
        ask("ftp", "FTP 登录是否强制加密", met, what + seen, "host.services", decisive=True),
    )  # fmt: skip


def _ftp_data(services: HostServices | None) -> str:
    """Return in words how files travel; passwords do not travel on that channel."""
    if services is None or (services.ftp_data_tls is None and services.ftp_users_differ is None):
        return "，所传文件是否强制加密未能确认"
    if services.ftp_data_tls is False:
        return "，但未要求所传文件加密（force_local_data_ssl），传输保密性须另行核查"
    if services.ftp_users_differ:
        return "，个别用户另有设置（user_config_dir），所传文件是否加密未能确认"
    return "，所传文件同样强制加密" if services.ftp_data_tls else "，所传文件是否强制加密未能确认"


def _ciphers(sshd: HostSshd) -> tuple[Criterion, ...]:
    if not sshd.running:
        return ()
    ciphers = [one for one in sshd.value("ciphers").split(",") if one]
    weak = [one for one in ciphers if one.startswith(_WEAK_CIPHERS)]
    seen = f"以 SSH 远程管理（{sshd.version or '版本未知'}），加密算法 {len(ciphers)} 种"
    seen += f"，其中 {listing(weak)} 强度不足" if weak else "，无已知弱算法"
    met = unless_matched(not weak, sshd) if ciphers else None
    return (ask("ciphers", "SSH 是否只用安全的加密算法", met, seen + match_note(sshd), SSHD),)


@check("identity.remote_admin_encrypted")
def database_refuses_open_connections(
    asset: DatabaseAsset,
    access: DatabaseAccess,
    accounts: DatabaseAccounts | None,
    server: DatabaseServer | None,
    params: ChannelParams,
) -> Judgement:
    """Judge that other machines can log in over TLS only.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    criteria = db_channels.encrypted(asset.platform, access, accounts, params.tls_versions_allowed)
    return Judgement(
        criteria=criteria, statement=databases.sentence(criteria, db_channels.own_session(server))
    )


@check("identity.remote_admin_encrypted")
def windows_is_administered_encrypted(
    sockets: HostListening, settings: WindowsSettings, identity: WindowsIdentity, params: ChannelParams
) -> Judgement:
    """Judge that nothing in clear listens, and that Remote Desktop insists on TLS.

    Source: GB/T 22239-2019 8.1.4.1 c).
    """
    criteria = (
        *win_channels.no_cleartext(sockets),
        *win_channels.encrypted(sockets, settings, identity, params.tls_versions_allowed),
    )
    return Judgement(criteria=criteria, statement=windows.sentence(criteria))
