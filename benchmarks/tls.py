"""One TLS endpoint: our own look beside testssl.sh, the whole probe beside sslyze alone.

All on loopback and in turn, two servers. Our own look is greeting, every suite, the handshake and the
certificate, without sslyze; the whole probe is all of `tls.endpoint`, beside sslyze's own command line with
the same questions.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine
from typing import Final

from dengbao.engines import find_engines
from dengbao.model import Level, Raw, Scope, TlsAsset
from dengbao.probes.base import Context
from dengbao.probes.tls.greeting import greet
from dengbao.probes.tls.handshake import lenient_context, read_store, shake, verifying_context
from dengbao.probes.tls.scan import probe_endpoint
from dengbao.probes.tls.target import line_to, target_of
from dengbao.probes.tls.versions import look_ourselves
from dengbao.redact import Redactor
from dengbao.scope import Guard
from dengbao.secrets import Secrets
from tests.live.harness import MemoryLedger
from tests.servers.tls import NAME, Nginx, nginx

from .figures import Figure

_SITES: Final = ("good", "old_left_on")
_RUNS: Final = 7
_QUESTIONS: Final = ("--tlsv1_3", "--tlsv1_2", "--tlsv1_1", "--tlsv1", "--sslv3", "--sslv2")
_SCOPE: Final = Scope(
    level=Level.OBSERVE, addresses=("127.0.0.0/8",), connections_per_s=20_000, connections_at_once=8
)


def figures() -> list[Figure]:
    """Return both ratios, each the worse of the two servers'."""
    own, whole = [], []
    with nginx() as running:
        for site in _SITES:
            asset = _asset(running, site)
            ours = statistics.median(_timed(lambda: _run(_own_look(asset))) for _ in range(_RUNS))  # noqa: B023
            own.append((ours, _timed(lambda: _testssl(running.ports[site]))))  # noqa: B023
            whole.append(_in_turn(asset, running.ports[site]))
    ours, theirs = max(own, key=lambda pair: pair[0] / pair[1])
    probe, alone = max(whole, key=lambda pair: pair[0] / pair[1])
    return [
        Figure(
            "TLS 端点自测 ÷ testssl.sh", ours / theirs, 0.01, "倍",
            f"{len(_SITES)} 个 nginx 取较差者；自测 {ours:.3f} 秒（不限速，{_RUNS} 次取中位数），"
            f"testssl.sh {theirs:.0f} 秒",
        ),
        Figure(
            "TLS 端点（含 sslyze）÷ sslyze 单独运行", probe / alone, 1.1, "倍",
            f"同样的问题，{len(_SITES)} 个 nginx 取较差者；采集 {probe:.2f} 秒，sslyze {alone:.2f} 秒，"
            f"交替各 {_RUNS} 次取中位数",
        ),
    ]  # fmt: skip


def _asset(running: Nginx, site: str) -> TlsAsset:
    return TlsAsset(
        id="tls", name="端点", address=f"127.0.0.1:{running.ports[site]}", server_name=NAME,
        ca_file=running.ca_file,
    )  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _run(work: Coroutine[object, object, None]) -> None:
    asyncio.run(work)


def _context() -> Context:
    return Context(
        guard=Guard(_SCOPE, log=lambda _contact: None),
        secrets=Secrets(Redactor()),
        keep=lambda name, data: Raw(name=name, sha256="", size_bytes=len(data)),
        ledger=MemoryLedger(),
        engines=find_engines(),
    )


async def _own_look(asset: TlsAsset) -> None:
    """See versions, every suite and the certificate by ourselves."""
    line = await line_to(asset, target_of(asset), _context(), probe="tls.endpoint")
    own = await look_ourselves(line, await greet(line))
    assert all(taken.whole for taken in own.suites.values())
    assert (await shake(line, lenient_context())).chain
    assert (await shake(line, verifying_context(read_store(asset.ca_file)))).code == 0


async def _whole_probe(asset: TlsAsset) -> None:
    observed = await probe_endpoint(asset, _context())
    assert not observed.missing, observed.missing


def _in_turn(asset: TlsAsset, port: int) -> tuple[float, float]:
    """Return the medians of the whole probe and of sslyze alone; the first of each only warms up."""
    probe, alone = [], []
    for _ in range(_RUNS + 1):
        probe.append(_timed(lambda: _run(_whole_probe(asset))))
        alone.append(_timed(lambda: _sslyze_alone(port)))
    return statistics.median(probe[1:]), statistics.median(alone[1:])


def _sslyze_alone(port: int) -> None:
    """Ask sslyze the same, at its own pace and straight."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [find_engines()["sslyze"], "-I", "-m", "sslyze", "--quiet", "--mozilla_config", "disable",
             "--json_out", "out.json", *_QUESTIONS, "--sni", NAME, f"127.0.0.1:{port}"],
            check=True, stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip


def _testssl(port: int) -> None:
    """Run testssl.sh with what it tests of itself."""
    program = shutil.which("testssl")
    assert program, "testssl.sh is not installed"
    subprocess.run(
        [program, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1",
         f"{NAME}:{port}"],
        check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
