"""Real servers that hospitals leave open, hardened and careless, on a loopback address of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import asyncssh

# Not the address of the other port tests: a scan here must not meet their listeners.
ADDRESS = "127.91.7.4"
_READY_S = 20.0


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a port that is free on `ADDRESS`."""
    with closing(socket.socket(socket.AF_INET, kind)) as sock:
        sock.bind((ADDRESS, 0))
        return int(sock.getsockname()[1])


def connects(port: int, address: str = ADDRESS) -> Callable[[], bool]:
    """Return whether the port takes a connection."""

    def ready() -> bool:
        with closing(socket.socket()) as sock:
            sock.settimeout(2)
            return sock.connect_ex((address, port)) == 0

    return ready


def bound_udp(port: int) -> Callable[[], bool]:
    """Return whether somebody holds the UDP port of `ADDRESS`."""
    wanted = f"{socket.inet_aton(ADDRESS)[::-1].hex().upper()}:{port:04X} "

    def ready() -> bool:
        return any(wanted in line for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines())

    return ready


@contextmanager
def process(
    command: Sequence[str], ready: Callable[[], bool], folder: Path, *, within_s: float = _READY_S
) -> Iterator[None]:
    """Run a server in the foreground with everything it starts, and end all of it after the block."""
    log = folder / f"{Path(command[0]).name}-{time.monotonic_ns()}.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + within_s
        while not ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@contextmanager
def samba(folder: Path, *, hardened: bool) -> Iterator[int]:
    """Run smbd: SMB3 with signing and no guests, or SMB1, a guest share and a default share."""
    port = free_port()
    for name in ("private", "lock", "state", "cache", "ncalrpc", "pid"):
        (folder / name).mkdir(mode=0o700 if name == "private" else 0o755)
    share = folder / "share"
    share.mkdir(mode=0o755)
    strict = (
        "server min protocol = SMB3\nserver signing = mandatory\nrestrict anonymous = 2\nmap to guest = never"
    )
    loose = "server min protocol = NT1\nmap to guest = bad user\nguest account = nobody"
    open_shares = "".join(f"[{name}]\npath = {share}\nguest ok = yes\n" for name in ("public", "C$"))
    shares = "" if hardened else open_shares
    (folder / "smb.conf").write_text(
        f"[global]\nbind interfaces only = yes\ninterfaces = {ADDRESS}/8\nsmb ports = {port}\n"
        f"disable netbios = yes\nprivate dir = {folder}/private\nlock directory = {folder}/lock\n"
        f"state directory = {folder}/state\ncache directory = {folder}/cache\n"
        f"ncalrpc dir = {folder}/ncalrpc\n"
        f"pid directory = {folder}/pid\nload printers = no\nprinting = bsd\nprintcap name = /dev/null\n"
        f"disable spoolss = yes\nrpc start on demand helpers = yes\n"
        f"{strict if hardened else loose}\n{shares}",
        encoding="ascii",
    )
    command = (
        "smbd",
        "--foreground",
        "--no-process-group",
        "--debug-stdout",
        "-d1",
        f"--configfile={folder}/smb.conf",
    )
    try:
        with process(command, connects(port), folder):
            yield port
    finally:
        _end_helpers(f"--configfile={folder}/smb.conf")


def _end_helpers(argument: str) -> None:
    """End what smbd started in sessions of their own; the argument names a folder of this test alone."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if argument.encode() in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)


@contextmanager
def ftp(folder: Path, *, hardened: bool, anonymous: bool = False, demands: bool = True) -> Iterator[int]:
    """Run vsftpd: TLS for everybody or for those who ask, or clear with or without anonymous logins."""
    port = free_port()
    root = folder / "ftp"
    root.mkdir(mode=0o555)
    empty = folder / "empty"
    empty.mkdir(mode=0o555)
    lines = [
        "listen=YES", f"listen_address={ADDRESS}", f"listen_port={port}", "background=NO",
        "local_enable=YES", f"anonymous_enable={'YES' if anonymous else 'NO'}", f"anon_root={root}",
        f"secure_chroot_dir={empty}", "seccomp_sandbox=NO", "connect_from_port_20=NO",
    ]  # fmt: skip
    if hardened:
        certificate = folder / "ftp.pem"
        _certificate(certificate)
        lines += [
            "ssl_enable=YES", f"rsa_cert_file={certificate}", f"rsa_private_key_file={certificate}",
            f"force_local_logins_ssl={'YES' if demands else 'NO'}", "force_local_data_ssl=YES",
            "allow_anon_ssl=NO",
        ]  # fmt: skip
    (folder / "vsftpd.conf").write_text("\n".join(lines) + "\n", encoding="ascii")
    with process(("vsftpd", str(folder / "vsftpd.conf")), connects(port), folder):
        yield port


def _certificate(path: Path) -> None:
    key, certificate = path.with_suffix(".key"), path.with_suffix(".crt")
    subprocess.run(
        (
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out",
            str(certificate), "-days", "2", "-subj", "/CN=test",
        ),
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(key.read_bytes() + certificate.read_bytes())


@contextmanager
def started_per_client(command: Sequence[str]) -> Iterator[int]:
    """Run a server for each client with the connection as its input and output, as inetd does."""
    stop = threading.Event()
    children: list[subprocess.Popen[bytes]] = []
    with closing(socket.create_server((ADDRESS, 0))) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    with client:
                        client.setblocking(True)
                        end = client.fileno()
                        children.append(
                            subprocess.Popen(
                                command, stdin=end, stdout=end, stderr=end, start_new_session=True
                            )
                        )

        worker = threading.Thread(target=serve, daemon=True)
        worker.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            stop.set()
            worker.join(5)
            for one in children:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(one.pid, signal.SIGKILL)
                one.wait()


@contextmanager
def telnet() -> Iterator[int]:
    """Run telnetd with the login of this machine."""
    with started_per_client(("telnetd", "-n")) as port:
        yield port


@contextmanager
def rsync(folder: Path, *, hardened: bool) -> Iterator[int]:
    """Run rsyncd with one module, with or without a password."""
    port = free_port()
    secrets = folder / "rsync.secrets"
    secrets.write_text("backup:Not-A-Real-One-1\n", encoding="ascii")
    secrets.chmod(0o600)
    guarded = f"auth users = backup\nsecrets file = {secrets}\n" if hardened else ""
    config = folder / "rsyncd.conf"
    config.write_text(
        f"use chroot = no\nlog file = {folder}/rsyncd.log\n[backup]\n"
        f"path = {folder}\ncomment = files\n{guarded}",
        encoding="ascii",
    )
    command = (
        "rsync",
        "--daemon",
        "--no-detach",
        f"--address={ADDRESS}",
        f"--port={port}",
        f"--config={config}",
    )
    with process(command, connects(port), folder):
        yield port


@contextmanager
def memcached(folder: Path) -> Iterator[int]:
    """Run memcached, which asks nobody for a password."""
    port = free_port()
    command = ("memcached", "-u", "nobody", "-l", ADDRESS, "-p", str(port), "-U", "0", "-m", "8", "-I", "1m")
    with process(command, connects(port), folder):
        yield port


@contextmanager
def redis(folder: Path, *, hardened: bool) -> Iterator[int]:
    """Run Redis, with or without a password."""
    port = free_port()
    more = ("--requirepass", "Not-A-Real-One-1") if hardened else ("--protected-mode", "no")
    command = ("redis-server", "--bind", ADDRESS, "--port", str(port), "--save", "", *more)
    with process(command, connects(port), folder):
        yield port


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """Run a plain web server."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off; server {{ listen {ADDRESS}:{port}; return 200 ok; }} }}\n",
        encoding="ascii",
    )
    with process(("nginx", "-p", str(folder), "-c", str(config)), connects(port), folder):
        yield port


@contextmanager
def snmp(folder: Path, *, public: bool) -> Iterator[int]:
    """Run snmpd at its usual port; it answers to `public`, or to no community at all."""
    port = 161
    config = folder / "snmpd.conf"
    config.write_text("rocommunity public\n" if public else "rouser nobody authPriv\n", encoding="ascii")
    command = (
        "snmpd", "-f", "-Lo", "-C", "-c", str(config), "-p", str(folder / "snmpd.pid"),
        "-x", str(folder / "agentx"),
        f"udp:{ADDRESS}:{port}",
    )  # fmt: skip
    with process(command, bound_udp(port), folder):
        yield port


@contextmanager
def tftp(folder: Path) -> Iterator[int]:
    """Run tftpd at its usual port over an empty folder."""
    root = folder / "tftp"
    root.mkdir(mode=0o755)
    with process(
        ("in.tftpd", "--foreground", "--address", f"{ADDRESS}:69", str(root)), bound_udp(69), folder
    ):
        yield 69


@contextmanager
def desktop(folder: Path, *, hardened: bool) -> Iterator[tuple[int, int]]:
    """Run an X display that is served over VNC; return the ports of VNC and X11.

    Careless: no password for VNC, and a display that admits everybody.
    """
    display = next(one for one in range(60, 400) if not connects(6000 + one, "127.0.0.1")())
    port = free_port()
    password = folder / "vnc.passwd"
    subprocess.run(("x11vnc", "-storepasswd", "Not-A-Re", str(password)), check=True, capture_output=True)
    cookie = folder / "xauthority"
    cookie.write_bytes(_x_cookie(str(display)))
    screen = ("Xvfb", f":{display}", "-listen", "tcp", "-screen", "0", "320x200x8")
    served = (
        "x11vnc",
        "-display",
        f":{display}",
        "-rfbport",
        str(port),
        "-listen",
        ADDRESS,
        "-no6",
        "-forever",
    )
    closed = ("-rfbauth", str(password), "-auth", str(cookie))
    with (
        process(
            (*screen, *(("-auth", str(cookie)) if hardened else ("-ac",))), connects(6000 + display), folder
        ),
        process((*served, *(closed if hardened else ("-nopw",))), connects(port), folder),
    ):
        yield port, 6000 + display


def _x_cookie(display: str) -> bytes:
    """Return an entry of an Xauthority file for any host."""
    fields = (b"", display.encode(), b"MIT-MAGIC-COOKIE-1", os.urandom(16))
    return b"\xff\xff" + b"".join(len(one).to_bytes(2) + one for one in fields)


@contextmanager
def xrdp(folder: Path, *, hardened: bool) -> Iterator[int]:
    """Run xrdp: TLS only, or RDP's own encryption only. It knows no NLA."""
    port = free_port()
    certificate = folder / "xrdp.pem"
    _certificate(certificate)
    keys = Path("/etc/xrdp/rsakeys.ini")
    if not keys.exists():
        subprocess.run(("xrdp-keygen", "xrdp", str(keys)), check=True, capture_output=True)
    config = folder / "xrdp.ini"
    config.write_text(
        f"[Globals]\nini_version=1\nfork=true\nport=tcp://{ADDRESS}:{port}\n"
        f"security_layer={'tls' if hardened else 'rdp'}\ncrypt_level=high\n"
        f"certificate={certificate.with_suffix('.crt')}\nkey_file={certificate.with_suffix('.key')}\n"
        f"ssl_protocols=TLSv1.2, TLSv1.3\n[Logging]\nLogFile={folder}/xrdp.log\n"
        f"LogLevel=INFO\n[Xorg]\nname=Xorg\n",
        encoding="ascii",
    )
    with process(("xrdp", "--nodaemon", "--config", str(config)), connects(port), folder):
        yield port


@contextmanager
def directory(folder: Path, *, hardened: bool) -> Iterator[int]:
    """Run slapd with one entry, open to everybody or to those who bind."""
    port = free_port()
    data = folder / "ldap"
    data.mkdir()
    config = folder / "slapd.conf"
    config.write_text(
        f"include /etc/ldap/schema/core.schema\npidfile {folder}/slapd.pid\nmoduleload back_mdb.la\n"
        f"database mdb\nsuffix dc=test\nrootdn cn=admin,dc=test\nrootpw x\n"
        f"directory {data}\nmaxsize 1048576\n"
        f"access to * by {'users read by anonymous auth' if hardened else '* read'}\n",
        encoding="ascii",
    )
    entry = folder / "top.ldif"
    entry.write_text(
        "dn: dc=test\nobjectClass: dcObject\nobjectClass: organization\ndc: test\no: test\n", encoding="ascii"
    )
    subprocess.run(("slapadd", "-f", str(config), "-l", str(entry)), check=True, capture_output=True)
    with process(
        ("slapd", "-d", "0", "-f", str(config), "-h", f"ldap://{ADDRESS}:{port}"), connects(port), folder
    ):
        yield port


STRONG = (
    "KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256", "HostKeyAlgorithms ssh-ed25519,rsa-sha2-512",
    "Ciphers aes256-gcm@openssh.com,aes128-ctr", "MACs hmac-sha2-256-etm@openssh.com",
)  # fmt: skip
WEAK = (
    "KexAlgorithms curve25519-sha256,diffie-hellman-group1-sha1", "HostKeyAlgorithms ssh-rsa",
    "Ciphers aes128-ctr,3des-cbc", "MACs hmac-sha2-256,hmac-md5",
)  # fmt: skip


@contextmanager
def sshd(folder: Path, lines: Sequence[str] = STRONG, *, rsa_bits: int = 3072) -> Iterator[int]:
    """Run sshd with these lines of configuration."""
    port = free_port()
    keys = []
    for name, key in (
        ("rsa", asyncssh.generate_private_key("ssh-rsa", key_size=rsa_bits)),
        ("ed25519", asyncssh.generate_private_key("ssh-ed25519")),
    ):
        path = folder / f"host_{name}"
        path.write_bytes(key.export_private_key())
        path.chmod(0o600)
        keys.append(f"HostKey {path}")
    Path("/run/sshd").mkdir(exist_ok=True)
    config = folder / "sshd_config"
    config.write_text(
        "\n".join((f"ListenAddress {ADDRESS}", f"Port {port}", "PidFile none", *keys, *lines)) + "\n",
        encoding="ascii",
    )
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    with process((program, "-D", "-e", "-f", str(config)), connects(port), folder):
        yield port
