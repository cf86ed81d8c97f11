"""Starts a Chromium of our own: throw-away profile, no network but our proxy, ended whatever happens."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import importlib
import os
import shutil
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...errors import NotSupported, ProbeIncapable, ProtocolMismatch
from ...model import WebAsset
from ..base import Context
from .browser import asset_url
from .forward import Forward
from .leftovers import bearing, new_folder, sweep
from .transport import tls_context, tls_error

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, Page, Playwright

    Starter = Callable[[], AbstractAsyncContextManager[Playwright]]

START_S: Final = 40.0
CLOSE_S: Final = 10.0
_HANDSHAKE_S: Final = 10.0
_ARGUMENTS: Final = (
    "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-domain-reliability", "--disable-quic", "--dns-prefetch-disable",
    "--no-first-run", "--no-pings", "--disable-breakpad", "--disable-dev-shm-usage",
    "--disable-client-side-phishing-detection",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication,DnsOverHttps",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    # Not even a name is looked up by Chromium itself: the proxy is all it can reach.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--proxy-bypass-list=<-loopback>",
)  # fmt: skip


@dataclass(frozen=True)
class Window:
    """A running Chromium: its one page and the proxy it goes through."""

    page: Page
    forward: Forward

    @property
    def inside(self) -> BrowserContext:
        """Return what holds its cookies."""
        return self.page.context


def has_display() -> bool:
    """Tell whether a window could be shown to somebody."""
    return os.name == "nt" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@asynccontextmanager
async def opened_window(
    asset: WebAsset, context: Context, *, probe: str, headed: bool = False
) -> AsyncIterator[Window]:
    """Give a Chromium that sees nothing but what the guard admits; it is ended when the block is left.

    Sends: with a CA file, one TLS handshake with the asset, to see that its certificate is the right one.
    Changes: nothing on the asset.
    Level: observe.

    Raises:
        ProbeIncapable: Playwright or Chromium is not installed, or does not start.
        NotSupported: a window is asked for and there is no display.
        ProtocolMismatch: the certificate is not of the declared CA.

    """
    program = context.engines.get("chromium", "")
    if not program:
        raise ProbeIncapable("未找到 Chromium、Chrome 或 Edge", cure="apt install chromium")
    if headed and not has_display():
        raise NotSupported(
            "需要人工在浏览器窗口中登录一次，但本机没有图形界面",
            cure="在有桌面的电脑上运行 dengbao run --assist，或以 login.style: session 登记会话",
        )
    start = _playwright()
    pins = await _pins(asset, context, probe)
    sweep()
    folder = new_folder()
    try:
        async with Forward(context.guard, asset.id, probe) as forward, start() as playwright:
            launched = await _launch(playwright, program, folder, forward, pins, headed=headed)
            try:
                inside = await launched.new_context(
                    ignore_https_errors=not pins,
                    accept_downloads=False,
                    service_workers="block",
                    locale="zh-CN",
                )
                inside.set_default_timeout(10_000)
                yield Window(await inside.new_page(), forward)
            finally:
                await _close(launched)
    finally:
        _end_what_is_left(folder)
        shutil.rmtree(folder, ignore_errors=True)


async def _close(launched: Chromium) -> None:
    """Close it politely; whatever does not go is ended afterwards."""
    with contextlib.suppress(flaw(), TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await launched.close()


def flaw() -> type[Exception]:
    """Return what Playwright raises.

    Raises:
        ProbeIncapable: it is not installed.

    """
    error: type[Exception] = _library().Error
    return error


def _library() -> ModuleType:
    try:
        return importlib.import_module("playwright.async_api")
    except ImportError as exc:
        raise ProbeIncapable("未安装 Playwright", cure="pip install 'dengbao[browser]'") from exc


def _playwright() -> Starter:
    start: Starter = _library().async_playwright
    return start


async def _launch(
    playwright: Playwright, program: str, folder: Path, forward: Forward, pins: str, *, headed: bool
) -> Chromium:
    """Start Chromium; what it sees lies in its memory, because its context is off the record.

    Its profile is a fresh one of Playwright's; `folder` stands for its home, and marks its process as ours.

    Raises:
        ProbeIncapable: it does not start.

    """
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [
        *_ARGUMENTS,
        f"--dengbao={folder}",
        *([f"--ignore-certificate-errors-spki-list={pins}"] if pins else []),
    ]
    fails = flaw()
    try:
        return await playwright.chromium.launch(
            executable_path=program, headless=not headed, args=arguments, chromium_sandbox=not root,
            timeout=START_S * 1000, env=dict(_environment(folder)),
            proxy={"server": f"http://127.0.0.1:{forward.port}", "bypass": "<-loopback>"},
        )  # fmt: skip
    except fails as exc:
        raise ProbeIncapable(
            f"Chromium 未能启动（{str(exc).splitlines()[0][:120]}）",
            cure=f"核对 {program} 能否单独运行；容器内须以 root 运行或允许用户命名空间",
        ) from exc


def _environment(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield what Chromium needs of the environment: nobody's secrets, nobody's home, no proxy."""
    for name in ("PATH", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "SYSTEMROOT", "LANG"):
        if name in os.environ:
            yield name, os.environ[name]
    for name in ("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        yield name, str(folder)


async def _pins(asset: WebAsset, context: Context, probe: str) -> str:
    """Return the pin of the asset's key after its certificate was verified by the declared CA, or nothing.

    Raises:
        ProbeError: no connection, or another certificate.

    """
    url = asset_url(asset)
    if not asset.ca_file or url.scheme != "https":
        return ""
    port = url.port or 443
    sock = await context.guard.connect(url.host, port, asset=asset.id, probe=probe)
    try:
        async with asyncio.timeout(_HANDSHAKE_S):
            _reader, writer = await asyncio.open_connection(
                sock=sock, ssl=tls_context(asset.ca_file), server_hostname=url.host
            )
    except ssl.SSLError as exc:
        sock.close()
        raise tls_error(exc) from exc
    except (OSError, TimeoutError) as exc:
        sock.close()
        raise ProtocolMismatch("TLS 握手中途被对方断开", cure="核对地址与端口") from exc
    try:
        held = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    key = x509.load_der_x509_certificate(held).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


def _end_what_is_left(folder: Path) -> None:
    """End processes that still bear our mark; only Linux lets us find them."""
    for pid in bearing(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
