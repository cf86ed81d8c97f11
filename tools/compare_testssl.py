"""Sets what testssl.sh says of the TLS matrix beside our facts: docs/reference/tls-matrix.md.

Starts every server of tests/servers/tls_matrix.py on loopback, looks at each with our own probe and with
Debian's testssl.sh in the same run, prints where both decide and differ, and writes the page. Exit code 1
where they differ. Takes some minutes: testssl.sh needs about 20 seconds for protocols, cipher categories
and certificate of one server.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dengbao.engines import find_engines  # noqa: E402
from dengbao.model import Level, Scope, TlsAsset  # noqa: E402
from dengbao.probes.tls.facts import TlsCertificate, TlsVersion, TlsVersions  # noqa: E402
from tests.live.harness import Sight, look  # noqa: E402
from tests.servers.tls import NAME  # noqa: E402
from tests.servers.tls_matrix import Place, matrix  # noqa: E402

PAGE: Final = ROOT / "docs" / "reference" / "tls-matrix.md"
HEAD: Final = """# TLS 矩阵：与 testssl.sh 的对照

由 `python tools/compare_testssl.py` 生成，勿手改。同一次运行中，本工具（自有 ClientHello 与 sslyze）和
Debian 的 testssl.sh（`-p -s -S -4`）先后检测本机上的同一批真实服务（`tests/servers/tls_matrix.py`），
逐项比对协议版本、套件类别、证书。只比对双方都有结论的项；“未比”为至少一方无结论的项。
testssl.sh 不认识国密，对 TLCP、SM4 端点没有可比的结论。两个服务同时检测，用时仅供参考。

"""
SCOPE: Final = Scope(
    level=Level.OBSERVE, addresses=("127.0.0.0/8",), connections_per_s=20_000, connections_at_once=8
)
MOST_S: Final = 180.0
AT_ONCE: Final = 2
VERSIONS: Final = {
    "SSLv2": "SSLv2", "SSLv3": "SSLv3", "TLS1": "TLSv1.0", "TLS1_1": "TLSv1.1", "TLS1_2": "TLSv1.2",
    "TLS1_3": "TLSv1.3",
}  # fmt: skip
# Their category → what the names of its suites contain.
CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "cipherlist_NULL": ("_WITH_NULL",),
    "cipherlist_aNULL": ("_anon_",),
    "cipherlist_EXPORT": ("EXPORT",),
    "cipherlist_LOW": ("_RC4_", "_RC2_", "_DES_CBC"),
    "cipherlist_3DES_IDEA": ("_3DES_", "_IDEA_"),
    "RC4": ("_RC4_",),
}
KEYS: Final = {"RSA": "RSA", "EC": "EC", "ECDSA": "EC", "DSA": "DSA"}

Findings = dict[str, str]


@dataclass(frozen=True)
class Compared:
    """One server: what both say, item by item; None where a side came to no conclusion."""

    name: str
    spoken: str
    items: dict[str, tuple[str | None, str | None]]
    ours_s: float
    theirs_s: float
    note: str = ""
    # Items on which their conclusion cannot be set beside ours, with the reason.
    apart: tuple[tuple[str, str], ...] = ()

    @property
    def both(self) -> dict[str, tuple[str, str]]:
        """Return the items on which both decide."""
        return {what: (our, their) for what, (our, their) in self.items.items() if our and their}

    @property
    def differing(self) -> dict[str, tuple[str, str]]:
        """Return the items on which both decide, and not alike."""
        return {what: pair for what, pair in self.both.items() if pair[0] != pair[1]}


def run_testssl(place: Place, *options: str) -> tuple[Findings, float]:
    """Return what testssl.sh finds at a place, empty where it gave up or was ended, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        trusted = ("--add-ca", place.ca_file) if place.ca_file else ()
        command = [
            "testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
            "--connect-timeout", "5", "--openssl-timeout", "5", *options, *trusted,
            "--jsonfile", str(report), f"{NAME}:{place.port}",
        ]  # fmt: skip
        begun = time.monotonic()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                process.wait(MOST_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        took = time.monotonic() - begun
        try:
            found = json.loads(report.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}, took
    return {one["id"].split(" ")[0]: one["finding"] for one in found}, took


def ours(place: Place) -> tuple[Sight, float]:
    """Return what our own probe sees at a place, and the seconds."""
    asset = TlsAsset(
        id="tls", name="端点", address=f"127.0.0.1:{place.port}", server_name=NAME, ca_file=place.ca_file
    )
    begun = time.monotonic()
    sight = look(asset, scope=SCOPE, engines=find_engines(), only=("tls.endpoint",))
    return sight, time.monotonic() - begun


def compare(name: str, place: Place) -> Compared:
    """Look at one server with both."""
    sight, ours_s = ours(place)
    findings, theirs_s = run_testssl(place, "-p", "-s", "-S", "-4")
    items: dict[str, tuple[str | None, str | None]] = {}
    versions = sight.facts.get("tls.versions")
    lack = sight.missing.get("tls.versions")
    if isinstance(versions, TlsVersions):
        for their, our in VERSIONS.items():
            accepted = {one.name: one.accepted for one in versions.versions}[our]
            items[our] = (_word(accepted), _offered(findings.get(their, "")))
        for their, parts in CATEGORIES.items():
            items[f"套件 {their}"] = (_word(_takes(versions, parts)), _offered(findings.get(their, "")))
    certificate = sight.facts.get("tls.certificate")
    if isinstance(certificate, TlsCertificate) and certificate.chain:
        items |= _certificate(certificate, findings)
    spoken = versions.spoken if isinstance(versions, TlsVersions) else "—"
    apart = tuple(_apart(versions, findings)) if isinstance(versions, TlsVersions) else ()
    for what, _ in apart:
        items[what] = (items.get(what, (None, None))[0], None)
    # Ports are others in every run.
    note = lack.message.split("；")[0].split("（")[0].replace(str(place.port), "端口") if lack else ""
    return Compared(name, spoken, items, ours_s, theirs_s, note, apart)


def _apart(seen: TlsVersions, findings: Findings) -> Iterator[tuple[str, str]]:
    if seen.sm_suites and _offered(findings.get("TLS1_3", "")) == _word(known=False):
        yield (
            "TLSv1.3",
            "testssl.sh 不提供 SM4 套件与 SM2 签名，与只有国密证书的服务谈不成 TLS 1.3，其“不接受”不作结论",
        )
    if "expired" in findings.get("cert_chain_of_trust", ""):
        yield "证书链", "testssl.sh 把过期计入证书链；本工具分开判定，过期另作一项比对"


def _word(known: bool | None) -> str | None:
    return None if known is None else "接受" if known else "不接受"


def _offered(finding: str) -> str | None:
    if finding.startswith(("offered", "supported", "VULNERABLE")):
        return _word(known=True)
    if finding.startswith(("not offered", "not vulnerable", "TLSv1.1 is not offered")):
        return _word(known=False)
    return None


def _takes(seen: TlsVersions, parts: tuple[str, ...]) -> bool | None:
    taken = {suite for one in seen.versions for suite in (*one.suites, *one.own_suites)}
    if any(part in suite for suite in taken for part in parts if "_3DES_" in parts or "_3DES_" not in suite):
        return True
    return False if seen.spoken == "tls" and all(map(_tried, seen.versions)) else None


def _tried(version: TlsVersion) -> bool:
    return version.accepted is False or (version.suites_tried and version.own_suites_tried)


def _certificate(seen: TlsCertificate, findings: Findings) -> dict[str, tuple[str | None, str | None]]:
    leaf = seen.chain[0]
    kind, _, size = findings.get("cert_keySize", "").partition(" ")
    key = f"{KEYS.get(kind, kind)} {size.split(' ')[0]}" if size else None
    signed = findings.get("cert_signatureAlgorithm", "").split(" ")[0].lower() or None
    names = " ".join(sorted(findings.get("cert_subjectAltName", "").split()))
    until = findings.get("cert_notAfter", "").replace(" ", "T")
    chain = findings.get("cert_chain_of_trust", "")
    name = findings.get("cert_trust", "")
    return {
        "证书指纹": (leaf.sha256.upper(), findings.get("cert_fingerprintSHA256")),
        "证书密钥": (f"{leaf.key_kind} {leaf.key_bits}", key),
        "签名摘要": (leaf.signature_hash or None, signed),
        "证书名称": (" ".join(sorted(leaf.names)), names or None),
        "失效时间": (leaf.not_after[:16], until or None),
        "是否过期": (
            _state(leaf.not_after < seen.looked_at, "已过期", "未过期"),
            _state(findings.get("cert_expirationStatus") == "expired", "已过期", "未过期")
            if "cert_expirationStatus" in findings
            else None,
        ),
        "证书链": (
            None if seen.trust_code is None else _state(seen.trust_code == 0, "可信", "不可信"),
            _state(chain.startswith("passed"), "可信", "不可信") if chain else None,
        ),
        "名称相符": (
            None if seen.name_code is None else _state(seen.name_code == 0, "相符", "不符"),
            _state(name.startswith("Ok"), "相符", "不符") if name else None,
        ),
    }  # fmt: skip


def _state(known: bool, yes: str, no: str) -> str:
    return yes if known else no


def page(rows: list[Compared], version: str) -> str:
    """Return the page."""
    both = sum(len(one.both) for one in rows)
    differing = sum(len(one.differing) for one in rows)
    parts = [
        HEAD,
        f"testssl.sh {version}；{len(rows)} 个服务，比对 {both} 项，不一致 {differing} 项。\n\n",
        "| 服务 | 应答 | 比对 | 一致 | 未比 | 本工具（秒） | testssl.sh（秒） | 说明 |\n",
        "|---|---|---|---|---|---|---|---|\n",
    ]
    for one in rows:
        same = len(one.both) - len(one.differing)
        parts.append(
            f"| {one.name} | {one.spoken} | {len(one.both)} | {same} | {len(one.items) - len(one.both)} "
            f"| {one.ours_s:.1f} | {one.theirs_s:.0f} | {one.note} |\n"
        )
    parts.append("\n## 不一致的项\n\n")
    told = [
        f"- {one.name}，{what}：本工具 {our}，testssl.sh {their}\n"
        for one in rows
        for what, (our, their) in one.differing.items()
    ]
    parts += told or ["无。\n"]
    parts.append("\n## 不可比的项\n\n")
    parts += [f"- {one.name}，{what}：{why}。\n" for one in rows for what, why in one.apart] or ["无。\n"]
    return "".join(parts)


def main() -> int:
    """Compare all servers, print the differences, write the page."""
    # The command says its version on several lines, among terminal codes.
    banner = subprocess.run(["testssl", "--version"], capture_output=True, text=True, check=False).stdout
    words = banner.split()
    version = words[words.index("testssl") + 1] if "testssl" in words else "（版本不明）"
    with matrix() as places, ThreadPoolExecutor(AT_ONCE) as pool:
        # testssl.sh waits longest where nothing answers: that one begins first.
        order = sorted(places, key=lambda name: name != "silent")
        found = {one.name: one for one in pool.map(lambda name: compare(name, places[name]), order)}
    rows = [found[name] for name in places]
    text = page(rows, version)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    return 1 if any(one.differing for one in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main())
