"""Criteria on an encrypted channel that several questions share."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dengbao.checking import Params
from dengbao.errors import Undetermined
from dengbao.model import Criterion
from dengbao.probes.tls.facts import TlsVersion, TlsVersions

from .wording import listing

FACT = "tls.versions"


class ChannelParams(Params):
    """`tls_versions_allowed`: names such as `TLSv1.2`."""

    tls_versions_allowed: tuple[str, ...]


def place(seen: TlsVersions) -> str:
    """Return what is spoken of: address, port, and the name where it differs."""
    name = f"（{seen.server_name}）" if seen.server_name != seen.address else ""
    host = f"[{seen.address}]" if ":" in seen.address else seen.address
    return f"{host}:{seen.port}{name}"


def is_clear_text(seen: TlsVersions) -> bool:
    """Tell whether the URL under test is `http` and clear text was seen there."""
    return seen.scheme == "http" and seen.spoken == "http"


def require_tls(seen: TlsVersions) -> None:
    """Refuse to judge an endpoint that does not speak the TLS we can finish.

    Raises:
        Undetermined: no TLS handshake was answered; the port may be plain or speak 国密 TLCP only.

    """
    if seen.spoken != "tls":
        answer = _NOT_TLS.get(seen.spoken, _OTHER).format(seen.tlcp_suite)
        raise Undetermined(f"经测试验证，{place(seen)} {answer}")


_NOT_TLS = {
    "http": "未完成任何 TLS 握手，以明文 HTTP 应答；是否另有应用层加密或加密前置设备，须人工核实",
    "tlcp": "应答国密 TLCP 握手（套件 {}），未应答 TLS；数据是否经其加密、产品是否合规，须人工核实",
    "sm_tls": "仅应答国密 TLS 1.3 套件；本工具不能完成该握手，数据是否经其加密，须人工核实",
    "closed": "未完成任何 TLS 握手，服务端直接断开；可能为明文端口，或仅支持国密 TLCP，须人工核实",
}
_OTHER = "未完成任何 TLS 握手；可能为明文端口，或仅支持国密 TLCP，须人工核实"


def clear_text_criterion(seen: TlsVersions) -> Criterion:
    """Return the criterion that an `http` URL with clear text fails."""
    return Criterion(
        name="encrypted_channel",
        question="是否提供加密通道",
        met=False,
        measured=f"{place(seen)} 以明文 HTTP 应答，未完成任何 TLS 握手",
        fact=FACT,
        decisive=True,
    )


def allowed_version(seen: TlsVersions, allowed: Iterable[str]) -> Criterion:
    """Return whether the endpoint accepts at least one allowed version."""
    names = set(allowed)
    answers = [one.accepted for one in seen.versions if one.name in names]
    met = True if True in answers else (None if None in answers or not answers else False)
    return Criterion(
        name="allowed_version",
        question=f"是否支持 {listing(sorted(names))}",
        met=met,
        measured=_versions(seen),
        fact=FACT,
        decisive=True,
    )


def no_other_version(seen: TlsVersions, allowed: Iterable[str]) -> Criterion:
    """Return whether the endpoint refuses every version that is not allowed."""
    names = set(allowed)
    others = [one for one in seen.versions if one.name not in names]
    taken = [one.name for one in others if one.accepted]
    unknown = [one.name for one in others if one.accepted is None]
    return Criterion(
        name="no_other_version",
        question=f"是否未接受 {listing(sorted(names))} 以外的版本",
        met=False if taken else (None if unknown else True),
        measured=f"仍接受 {listing(taken)}" if taken else _versions(seen),
        fact=FACT,
    )


def no_plain_suite(seen: TlsVersions) -> Criterion:
    """Return whether every suite that does not encrypt or authenticate, or is for export, is refused."""
    found = _named(seen, is_plain)
    chosen = [one.name for one in seen.versions if one.plain_chosen and not any(map(is_plain, one.suites))]
    known = all(_tried(one) and one.plain_chosen is not None for one in _own_versions(seen))
    measured = f"接受 {listing(found)}" if found else f"未见（共接受 {_suite_count(seen)} 个套件）"
    if chosen:
        measured = f"{listing(chosen)} 下接受此类套件{f'：{listing(found)}' if found else ''}"
    return Criterion(
        name="no_plain_suite",
        question="是否未接受不加密、匿名或出口级套件",
        met=False if found or chosen else (True if known else None),
        measured=measured if found or chosen or known else f"套件未能全部探测（{_why(seen)}）",
        fact=FACT,
        decisive=True,
    )


def no_weak_suite(seen: TlsVersions) -> Criterion:
    """Return whether suites with RC2, RC4, DES, 3DES or MD5 are refused."""
    found = _named(seen, is_weak)
    known = all(_tried(one) for one in seen.versions)
    measured = f"接受 {listing(found)}" if found else f"未见（共接受 {_suite_count(seen)} 个套件）"
    return Criterion(
        name="no_weak_suite",
        question="是否未接受 RC4、DES、3DES、MD5 等弱算法套件",
        met=False if found else (True if known else None),
        measured=measured if found or known else f"套件未能全部探测（{_why(seen)}）",
        fact=FACT,
    )


def no_anonymous_suite(seen: TlsVersions) -> Criterion:
    """Return whether suites are refused that let anyone stand in between and alter what is sent."""
    plain = no_plain_suite(seen)
    found = _named(seen, is_anonymous)
    # Our own hello mixes anonymous suites with others: where sslyze names those others, they explain it.
    known = plain.met or (all(_tried(one) for one in seen.versions) and bool(_named(seen, is_plain)))
    return Criterion(
        name="no_anonymous_suite",
        question="是否未接受不鉴别服务端的匿名套件",
        met=False if found else (True if known else None),
        measured=f"接受 {listing(found)}" if found else "未见" if known else plain.measured,
        fact=FACT,
        decisive=True,
    )


def is_anonymous(suite: str) -> bool:
    """Tell whether a suite does not authenticate the server."""
    return "anon" in suite.casefold()


def is_plain(suite: str) -> bool:
    """Tell whether a suite does not encrypt, does not authenticate, or is of export strength."""
    return is_anonymous(suite) or "_WITH_NULL" in suite or "EXPORT" in suite


def is_weak(suite: str) -> bool:
    """Tell whether a suite uses an algorithm that is broken or too short."""
    return any(one in suite for one in ("_RC4_", "_RC2_", "_DES_", "_3DES_", "_DES40_", "_MD5")) or (
        suite.startswith("SSL_CK_")
    )


def sight(seen: TlsVersions) -> str:
    """Return in Chinese what was seen of versions and the handshake."""
    text = f"{place(seen)} {_versions(seen)}"
    if seen.finished:
        text += f"；实际握手协商为 {seen.negotiated_version}（{seen.negotiated_suite}）"
    elif seen.client_certificate == "REQUIRED":
        text += "；服务端要求客户端证书，未完成整个握手"
    disputed = _disputed(seen)
    return f"{text}；两种探测结果不一致：{listing(disputed)}" if disputed else text


def _disputed(seen: TlsVersions) -> list[str]:
    """Return in Chinese the suites that one source saw accepted and the other refused."""
    return [
        f"{one.name} 的 {suite}"
        f"（{'自测选定，sslyze 拒绝' if suite in one.own_suites else 'sslyze 接受，自测未选定'}）"
        for one in seen.versions
        for suite in one.suites_differ or ()
    ]


def _versions(seen: TlsVersions) -> str:
    taken = [one.name for one in seen.versions if one.accepted]
    refused = [one.name for one in seen.versions if one.accepted is False]
    unknown = [
        f"{one.name}（自测：{one.own_note}；sslyze：{_answer(one)}）"
        for one in seen.versions
        if one.accepted is None
    ]
    parts = [
        f"接受 {listing(taken)}" if taken else "未确认接受任何版本",
        f"拒绝 {listing(refused)}" if refused else "",
        f"未能确定 {listing(unknown)}" if unknown else "",
    ]
    return "，".join(one for one in parts if one)


def _answer(version: TlsVersion) -> str:
    if version.engine is None:
        return version.engine_note or "无结果"
    return "接受" if version.engine else "拒绝"


def _named(seen: TlsVersions, wanted: Callable[[str], bool]) -> list[str]:
    return sorted({suite for one in seen.versions for suite in one.suites if wanted(suite)})


def _own_versions(seen: TlsVersions) -> list[TlsVersion]:
    """Return the versions that are not known to be refused, which is where suites matter."""
    return [one for one in seen.versions if one.accepted is not False]


def _tried(version: TlsVersion) -> bool:
    """Tell whether the version's suites are known; one that we saw chosen has at least one."""
    if version.accepted is False:
        return True
    return version.suites_tried and bool(version.suites or not (version.own or version.accepted))


def _suite_count(seen: TlsVersions) -> int:
    return sum(len(one.suites) for one in seen.versions)


def _why(seen: TlsVersions) -> str:
    if seen.engine_note:
        return seen.engine_note
    unclear = [one.name for one in _own_versions(seen) if not _tried(one) or one.plain_chosen is None]
    return f"{listing(unclear)} 无一致结果"
