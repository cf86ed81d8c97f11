"""Real TLS endpoints on loopback, good and bad, and things that only look like one."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

NAME = "his.test"
STRONG = "ECDHE+AESGCM:ECDHE+CHACHA20"
SITES = {
    "good": ("TLSv1.2 TLSv1.3", STRONG),
    "old_left_on": ("TLSv1 TLSv1.1 TLSv1.2", "ECDHE+AES:AES128-SHA:@SECLEVEL=0"),
    "tls10_only": ("TLSv1", "ECDHE+AES:AES128-SHA:@SECLEVEL=0"),
    "weak": ("TLSv1 TLSv1.1 TLSv1.2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
    "expired": ("TLSv1.2 TLSv1.3", STRONG),
    "self_signed": ("TLSv1.2 TLSv1.3", STRONG),
    "wrong_host": ("TLSv1.2 TLSv1.3", STRONG),
    "tls13_only": ("TLSv1.3", STRONG),
    "sha1": ("TLSv1.2 TLSv1.3", f"{STRONG}:@SECLEVEL=0"),
    "client_certificate": ("TLSv1.2 TLSv1.3", STRONG),
    "anonymous": ("TLSv1.2", "aNULL:@SECLEVEL=0"),
    "chained": ("TLSv1.2 TLSv1.3", STRONG),
    "chain_not_sent": ("TLSv1.2 TLSv1.3", STRONG),
}


def free_ports(count: int) -> list[int]:
    """Return loopback ports that were free a moment ago."""
    socks = [socket.socket() for _ in range(count)]
    for one in socks:
        one.bind(("127.0.0.1", 0))
    ports: list[int] = [one.getsockname()[1] for one in socks]
    for one in socks:
        one.close()
    return ports


def wait_for(port: int, alive: Callable[[], bool], seconds: float = 10.0) -> None:
    """Return when the port takes connections; fail when the server died or never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and alive():
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
            return
        time.sleep(0.01)
    raise AssertionError(f"nothing answers on port {port}")


# ---------------------------------------------------------------- certificates


@dataclass(frozen=True)
class Files:
    """A folder with `ca.pem` and for each site `<site>.pem`: certificate chain and key."""

    folder: Path

    def __getitem__(self, site: str) -> str:
        return str(self.folder / f"{site}.pem")


def mint(folder: Path) -> Files:
    """Write the certificates of all sites; all but one come from the same private CA."""
    ca = trustme.CA(organization_name="测试 CA", key_type=trustme.KeyType.RSA)
    ca.cert_pem.write_to_path(folder / "ca.pem")
    now = dt.datetime.now(dt.UTC)
    past = (now - dt.timedelta(days=400), now - dt.timedelta(days=35))
    usual = ca.issue_cert(NAME, key_type=trustme.KeyType.RSA)
    certs = {
        **dict.fromkeys(
            ("good", "old_left_on", "tls10_only", "tls13_only", "client_certificate", "anonymous"), usual
        ),
        "expired": ca.issue_cert(NAME, not_before=past[0], not_after=past[1]),
        "wrong_host": ca.issue_cert("other.test"),
    }
    below = ca.create_child_ca(key_type=trustme.KeyType.RSA).issue_cert(NAME)
    certs["chained"] = below
    for site, cert in certs.items():
        cert.private_key_and_cert_chain_pem.write_to_path(str(folder / f"{site}.pem"))
    alone = below.private_key_pem.bytes() + below.cert_chain_pems[0].bytes()
    (folder / "chain_not_sent.pem").write_bytes(alone)
    signer = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    assert isinstance(signer, rsa.RSAPrivateKey)
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes()).subject
    (folder / "weak.pem").write_bytes(_certificate(1024, issuer, signer))
    (folder / "self_signed.pem").write_bytes(_certificate(2048))
    ca.private_key_pem.write_to_path(folder / "ca.key")
    _mint_sha1(folder)
    return Files(folder)


def _mint_sha1(folder: Path) -> None:
    """Write `sha1.pem`; cryptography refuses to sign with SHA-1, openssl does not."""
    key, request, cert = (folder / f"sha1.{kind}" for kind in ("key", "csr", "crt"))
    extensions = folder / "sha1.ext"
    extensions.write_text(f"subjectAltName=DNS:{NAME}\n", encoding="ascii")
    ask = ("-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}", "-keyout", str(key), "-out", str(request))
    sign = ("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-set_serial", "7", "-sha1")
    put = ("-in", str(request), "-days", "30", "-extfile", str(extensions), "-out", str(cert))
    subprocess.run(["openssl", "req", "-new", *ask], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", *sign, *put], check=True, capture_output=True)
    (folder / "sha1.pem").write_bytes(key.read_bytes() + cert.read_bytes())


def _certificate(
    bits: int, issuer: x509.Name | None = None, signer: rsa.RSAPrivateKey | None = None
) -> bytes:
    """Return key and certificate for `NAME` as PEM, signed by itself where there is no signer."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer or name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(signer or key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, plain) + cert.public_bytes(
        pem
    )


# ---------------------------------------------------------------- servers


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """Run a server until the block ends."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for(port, lambda: process.poll() is None)
            yield
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True)
class Nginx:
    """One nginx with all sites; `plain` is the port that speaks HTTP in clear."""

    files: Files
    ports: dict[str, int]
    plain: int

    @property
    def ca_file(self) -> str:
        return self.files["ca"]


@contextmanager
def nginx() -> Iterator[Nginx]:
    """Run nginx with every site of `SITES` on a port of its own."""
    folder = Path(tempfile.mkdtemp(prefix="dengbao-tls-"))
    try:
        files = mint(folder)
        *numbers, plain = free_ports(len(SITES) + 1)
        ports = dict(zip(SITES, numbers, strict=True))
        config = folder / "nginx.conf"
        config.write_text(_config(folder, files, ports, plain), encoding="utf-8")
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
        with running(command, plain):
            yield Nginx(files, ports, plain)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _config(folder: Path, files: Files, ports: dict[str, int], plain: int) -> str:
    temp = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    sites = "".join(
        f"server {{ listen 127.0.0.1:{ports[site]} ssl; server_name {NAME};"
        f" ssl_certificate {files[site]}; ssl_certificate_key {files[site]};"
        f" ssl_protocols {protocols}; ssl_ciphers {ciphers};{_demanding(site, files)} return 200 ok; }}\n"
        for site, (protocols, ciphers) in SITES.items()
    )
    return (
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{ worker_connections 512; }}\n"
        f"http {{ access_log off; {temp}\n{sites}"
        f"server {{ listen 127.0.0.1:{plain}; return 200 ok; }} }}\n"
    )


def _demanding(site: str, files: Files) -> str:
    """Return what makes the site ask its clients for a certificate."""
    return (
        f" ssl_verify_client on; ssl_client_certificate {files['ca']};"
        if site == "client_certificate"
        else ""
    )


@contextmanager
def s_server(pem: str, *options: str) -> Iterator[int]:
    """Run `openssl s_server`, which serves one client at a time."""
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", pem, "-key", pem, "-quiet"]
    with running([*command, *options], port):
        yield port


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a listener that hands each client to `answer` and then hangs up."""
    stop = threading.Event()
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        listener.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    client, _ = listener.accept()
                except OSError:
                    continue
                with closing(client), suppress(OSError):
                    client.settimeout(5)
                    answer(client)

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            stop.set()
            worker.join(6)


@contextmanager
def silent() -> Iterator[int]:
    """Listen, let clients in, and never say a word."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield int(listener.getsockname()[1])


def hang_up(client: socket.socket) -> None:
    """Read a little and close."""
    client.recv(16)


def break_off(client: socket.socket) -> None:
    """Send the first half of a ServerHello and close."""
    client.recv(4096)
    client.sendall(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(20))


def speak_tlcp(client: socket.socket) -> None:
    """Answer a TLCP hello as GB/T 38636 says, anything else with alert 70."""
    hello = client.recv(4096)
    if hello[:3] != b"\x16\x01\x01":
        client.sendall(b"\x15\x03\x01\x00\x02\x02\x46")
        return
    body = b"\x01\x01" + bytes(32) + b"\x00" + b"\xe0\x13" + b"\x00"
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    client.sendall(b"\x16\x01\x01" + len(message).to_bytes(2, "big") + message)


def speak_sm_tls13(client: socket.socket) -> None:
    """Retry a TLS 1.3 hello that offers TLS_SM4_GCM_SM3 (RFC 8998), refuse anything else."""
    hello = client.recv(4096)
    if b"\x00\x2b\x00\x03\x02\x03\x04" not in hello or b"\x00\xc6" not in hello:
        client.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        return
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33\x00\x02\x00\x29"
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    body = (
        b"\x03\x03"
        + retry
        + b"\x00"
        + b"\x00\xc6"
        + b"\x00"
        + len(extensions).to_bytes(2, "big")
        + extensions
    )
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    client.sendall(b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message)
