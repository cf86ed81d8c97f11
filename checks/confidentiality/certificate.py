"""7.a.1: does the endpoint prove who it is, so that nobody else reads along?"""

from __future__ import annotations

from datetime import datetime, timedelta

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.tls.facts import Certificate, TlsCertificate

from .. import proofs
from ..wording import listing

_FACT = "tls.certificate"
_OLD_DIGESTS = ("md2", "md4", "md5", "sha1")
_NO_DIGEST = ("ed25519", "ed448")
# OpenSSL verify codes: the issuer is not in the store, which a private CA alone explains.
_UNKNOWN_ISSUER = (2, 19, 20, 21)
_SELF_SIGNED = 18
_HOST_MISMATCH = (62, 64)
# Not yet valid, expired: of any certificate up to the trusted one, which the endpoint need not send.
_OUT_OF_DATE = (9, 10)


class CertificateParams(Params):
    """Least key sizes in bits and least remaining validity in days."""

    tls_min_rsa_bits: int
    tls_min_ec_bits: int
    certificate_min_days_left: int


@check("confidentiality.certificate", half="各传输路径的证书签发、私钥保管与更新方式")
def certificate_is_valid(seen: TlsCertificate, params: CertificateParams) -> Judgement:
    """Judge trust, dates, name, key size and signature of the certificates an endpoint sends.

    Source: GB/T 22239-2019 8.1.4.8 a).
    """
    where = f"{seen.address}:{seen.port}"
    if not seen.chain:
        lacking = Criterion(
            name="certificate", question="是否出示服务端证书", met=False, decisive=True, fact=_FACT,
            measured="以明文 HTTP 提供服务，没有证书",
        )  # fmt: skip
        return _judgement(seen, (lacking,), f"经测试验证，{where} 以明文 HTTP 提供服务，未出示服务端证书。")
    leaf = seen.chain[0]
    criteria = (
        _trust(seen),
        _dates(seen),
        _time_left(seen, params.certificate_min_days_left),
        _name(seen),
        _keys(seen, params),
        _signatures(seen),
    )
    told = "；".join(one.measured for one in criteria)
    return _judgement(seen, criteria, f"经测试验证，{where} 出示的证书（主题 {leaf.subject}）：{told}。")


def _judgement(seen: TlsCertificate, criteria: tuple[Criterion, ...], statement: str) -> Judgement:
    return Judgement(
        criteria=criteria,
        statement=statement,
        coverage=Coverage.PARTIAL,
        remainder="核查系统设计文档，确认各传输路径的证书签发、私钥保管与更新方式",
        proofs=proofs.certificate(seen, criteria),
    )


def _trust(seen: TlsCertificate) -> Criterion:
    store = "登记的 CA 证书" if seen.store == "declared" else "系统信任库"
    code = seen.trust_code
    met: bool | None = code == 0
    measured = f"证书链经{store}验证通过"
    if code is None:
        met, measured = None, f"证书链未能验证（{seen.trust_message or '无结果'}）"
    elif code == _SELF_SIGNED:
        measured = "证书为自签名，未登记为可信"
    elif code in _UNKNOWN_ISSUER and seen.store == "system":
        met = None
        measured = "签发者不在系统信任库中；如为私有 CA，须在 ca_file 登记其证书后重测"
    elif code:
        measured = f"证书链经{store}验证未通过（代码 {code}，{seen.trust_message}）"
    return Criterion(
        name="trust", question="证书链是否可信", met=met, measured=measured, fact=_FACT, decisive=True
    )


def _when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _dates(seen: TlsCertificate) -> Criterion:
    now = _when(seen.looked_at)
    early = [one for one in seen.chain if _when(one.not_before) > now]
    late = [one for one in seen.chain if _when(one.not_after) < now]
    wrong = [f"{one.subject} 自 {one.not_before[:10]} 生效" for one in early]
    wrong += [f"{one.subject} 已于 {one.not_after[:10]} 过期" for one in late]
    leaf = seen.chain[0]
    met: bool | None = not wrong
    measured = listing(wrong) if wrong else f"有效期 {leaf.not_before[:10]} 至 {leaf.not_after[:10]}"
    if not wrong and seen.verify_code in _OUT_OF_DATE:
        met, measured = False, f"{measured}，但服务端未出示的上级证书已过期或尚未生效"
    elif not wrong and seen.trust_code == 0 and seen.verify_code not in (0, *_HOST_MISMATCH):
        met, measured = None, f"{measured}，上级证书的有效期未能验证"
    return Criterion(
        name="dates",
        question="证书是否在有效期内",
        met=met,
        measured=measured,
        fact=_FACT,
        decisive=True,
    )


def _time_left(seen: TlsCertificate, least_days: int) -> Criterion:
    left = min(_when(one.not_after) for one in seen.chain) - _when(seen.looked_at)
    return Criterion(
        name="time_left",
        question=f"剩余有效期是否不少于 {least_days} 天",
        met=left >= timedelta(days=least_days),
        measured=f"剩余有效期 {max(left.days, 0)} 天",
        fact=_FACT,
    )


def _name(seen: TlsCertificate) -> Criterion:
    names = listing(seen.chain[0].names) or "无"
    code = seen.name_code
    met: bool | None = code == 0
    measured = f"证书名称与 {seen.server_name} 相符"
    if code in _HOST_MISMATCH:
        measured = f"证书名称（{names}）与 {seen.server_name} 不符"
    elif code != 0:
        met, measured = None, f"证书名称未能比对（{seen.name_message or '无结果'}）"
    return Criterion(
        name="name",
        question="证书名称是否与访问地址相符",
        met=met,
        measured=measured,
        fact=_FACT,
        decisive=True,
    )


def _keys(seen: TlsCertificate, params: CertificateParams) -> Criterion:
    least = {"RSA": params.tls_min_rsa_bits, "EC": params.tls_min_ec_bits, "SM2": 0, "Ed25519": 0, "Ed448": 0}
    short, unknown = [], []
    for one in seen.chain:
        if one.key_kind not in least or one.key_bits is None:
            unknown.append(f"{one.subject} 的 {one.key_kind}")
        elif one.key_bits < least[one.key_kind]:
            short.append(f"{one.key_kind} {one.key_bits} 位")
    leaf = seen.chain[0]
    good = f"密钥 {leaf.key_kind}{f' {leaf.key_bits} 位' if leaf.key_bits else ''}"
    measured = good
    if short:
        measured = f"密钥过短（{listing(short)}）"
    elif unknown:
        measured = f"密钥强度无法判断（{listing(unknown)}）"
    return Criterion(
        name="keys",
        question=f"密钥是否达到 RSA {params.tls_min_rsa_bits} 位、EC {params.tls_min_ec_bits} 位",
        met=False if short else (None if unknown else True),
        measured=measured,
        fact=_FACT,
    )


def _signatures(seen: TlsCertificate) -> Criterion:
    # Nobody relies on the signature of a certificate over itself.
    signed = [one for one in seen.chain if not one.self_issued]
    old = [f"{one.subject}（{one.signature}）" for one in signed if one.signature_hash in _OLD_DIGESTS]
    unknown = [one.signature for one in signed if not _digest_known(one)]
    measured = f"签名算法 {seen.chain[0].signature}"
    if old:
        measured = f"签名摘要算法过时：{listing(old)}"
    elif unknown:
        measured = f"签名算法无法判断：{listing(unknown)}"
    return Criterion(
        name="signatures",
        question="证书签名是否未使用 MD5、SHA-1",
        met=False if old else (None if unknown else True),
        measured=measured,
        fact=_FACT,
    )


def _digest_known(one: Certificate) -> bool:
    return bool(one.signature_hash) or one.signature.casefold() in _NO_DIGEST
