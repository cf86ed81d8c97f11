"""Real traffic on loopback, from a file and heard live: what the declared flows are judged to be."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import create_connection

import psycopg
import pymysql

from dengbao.model import DeclaredFlow, Level, Scope, SystemAsset, Traffic
from dengbao.probes.capture.facts import CaptureFlows

from ..capture.packets import PHONE, SPECIMEN
from ..capture.test_live import PASSWORD, captured, post
from ..servers.mariadb import mariadb
from ..servers.postgres import ADMIN, ADMIN_PASSWORD, postgres
from ..servers.tls import NAME, Nginx, nginx
from .harness import Sight, agree, look

FORM = f"user=a&password={PASSWORD}&certno={SPECIMEN}&tel={PHONE}"
DATA = ("confidentiality.captured_flows", "integrity.captured_flows")
ADMIN_CHECK = "identity.captured_admin"


def flow(name: str, port: int, *, admin: bool = False, encrypted: bool = True) -> DeclaredFlow:
    return DeclaredFlow(name=name, server=f"127.0.0.1:{port}", admin=admin, encrypted=encrypted)


def system(*flows: DeclaredFlow, file: str = "a.pcap", interface: str = "", seconds: int = 60) -> SystemAsset:
    files = () if interface else (file,)
    traffic = Traffic(flows=flows, files=files, interface=interface, seconds=seconds)
    return SystemAsset(id="system", name="信息系统", traffic=traffic)


def judged(situation: str, folder: Path, flows: tuple[DeclaredFlow, ...], expected: dict[str, str]) -> Sight:
    sight = look(system(*flows), folder=folder)
    agree(situation, sight, expected)
    shown = " ".join(sight.judge(one).statement for one in expected) + sight.raw["capture.json"].decode()
    assert not any(one in shown for one in (PASSWORD, SPECIMEN, PHONE, ADMIN_PASSWORD))
    return sight


def both(verdict: str, integrity: str = "") -> dict[str, str]:
    return dict(zip(DATA, (verdict, integrity or verdict), strict=True))


def log_in(server: Nginx, *, tls: bool) -> None:
    port = server.ports["good"] if tls else server.plain
    with closing(create_connection(("127.0.0.1", port), 10)) as raw:
        if not tls:
            assert b"200" in post(raw, FORM)
            return
        context = ssl.create_default_context(cafile=server.ca_file)
        with context.wrap_socket(raw, server_hostname=NAME) as sock:
            assert b"200" in post(sock, FORM)


def test_a_web_login_in_clear_and_over_tls(tmp_path: Path) -> None:
    with nginx() as server:
        with captured(tmp_path / "a.pcap"):
            log_in(server, tls=False)
            log_in(server, tls=True)
        plain, good = flow("登录", server.plain), flow("登录", server.ports["good"])
        silent = flow("到前置机", server.ports["expired"])
        judged("capture https", tmp_path, (good,), both("conform"))
        sight = judged("capture http", tmp_path, (plain,), both("nonconform", "undetermined"))
        text = sight.judge(DATA[0]).statement
        assert "口令明文 1 处（表单 password，如 ******，a.pcap 第" in text
        assert "公民身份号码明文 1 处（表单 certno，如 11****************" in text
        judged("capture https, other flow unseen", tmp_path, (good, silent), both("undetermined"))
        judged("capture of other hosts", tmp_path, (silent,), both("undetermined"))
        public = flow("公示", server.plain, encrypted=False)
        judged("capture http, need not be encrypted", tmp_path, (public,), both("nonconform", "undetermined"))
        console = flow("后台", server.plain, admin=True)
        judged("capture http console", tmp_path, (console,), {ADMIN_CHECK: "nonconform"})
        split = flow("后台", server.ports["good"], admin=True)
        judged("capture both kinds", tmp_path, (plain, split), {
            **both("nonconform", "undetermined"), ADMIN_CHECK: "conform",
        })  # fmt: skip
        _cut_short(tmp_path)
        judged("capture cut off", tmp_path, (good,), both("undetermined"))


def _cut_short(folder: Path) -> None:
    path = folder / "a.pcap"
    path.write_bytes(path.read_bytes()[:-7])


def test_a_capture_of_headers_only_proves_nothing(tmp_path: Path) -> None:
    with nginx() as server:
        with captured(tmp_path / "a.pcap", snap_bytes=96):
            log_in(server, tls=True)
        judged(
            "capture with snaplen 96", tmp_path, (flow("登录", server.ports["good"]),), both("undetermined")
        )


def test_databases_in_clear_and_over_tls(tmp_path: Path) -> None:
    with mariadb(tls=True) as maria:
        maria.run(f"CREATE USER app@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        for name, options in (
            ("clear", {"ssl_disabled": True}),
            ("tls", {"ssl": {"ca": str(maria.ca_file), "check_hostname": False}}),
        ):
            (tmp_path / name).mkdir()
            with captured(tmp_path / name / "a.pcap"):
                link = pymysql.connect(
                    host="127.0.0.1", port=maria.port, user="app", password=PASSWORD, **options
                )
                with link, link.cursor() as cursor:
                    cursor.execute("SELECT 1")
        judged("capture mariadb", tmp_path / "clear", (flow("到库", maria.port),), both("nonconform"))
        judged("capture mariadb tls", tmp_path / "tls", (flow("到库", maria.port),), both("conform"))


def test_postgres_over_tls_and_in_clear_on_one_port(tmp_path: Path) -> None:
    rules = ("hostssl all all 127.0.0.1/32 scram-sha-256", "hostnossl all all 127.0.0.1/32 scram-sha-256")
    with postgres(tls=True, hba=rules) as server:
        for name, modes in (("tls", ("require",)), ("mixed", ("require", "disable"))):
            (tmp_path / name).mkdir()
            with captured(tmp_path / name / "a.pcap"):
                for mode in modes:
                    with psycopg.connect(
                        host="127.0.0.1", port=server.port, user=ADMIN, password=ADMIN_PASSWORD,
                        dbname="postgres", sslmode=mode, gssencmode="disable",
                    ) as link:  # fmt: skip
                        link.execute("SELECT 1")
        judged("capture postgres tls", tmp_path / "tls", (flow("到库", server.port),), both("conform"))
        judged("capture postgres mixed", tmp_path / "mixed", (flow("到库", server.port),), both("nonconform"))


@contextmanager
def logging_in(server: Nginx, *, tls: bool) -> Iterator[None]:
    """Log in again and again until the end of the block."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.2):
            with suppress(OSError):
                log_in(server, tls=tls)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def test_live_listening_hears_declared_flows_only(tmp_path: Path) -> None:
    with nginx() as server:
        asset = system(flow("登录", server.ports["good"]), interface="lo", seconds=1)
        with logging_in(server, tls=True), logging_in(server, tls=False):
            sight = look(asset, folder=tmp_path)
        agree("live https", sight, both("conform"))
        facts = sight.facts["capture.flows"]
        assert isinstance(facts, CaptureFlows)
        assert facts.recordings[0].packets == facts.flows[0].packets > 0  # not one packet of the other port
        assert [(one.host, one.admitted) for one in sight.contacts] == [("127.0.0.1", True)]
        clear = system(flow("登录", server.plain), interface="lo", seconds=1)
        with logging_in(server, tls=False):
            agree("live http", look(clear, folder=tmp_path), both("nonconform", "undetermined"))
        elsewhere = Scope(level=Level.OBSERVE, addresses=("10.9.9.9",))
        refused = look(asset, folder=tmp_path, scope=elsewhere)
    agree("live outside the scope", refused, both("undetermined"))
    assert refused.missing["capture.flows"].reason.value == "out_of_scope"


def test_files_outside_the_folder_and_no_captures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "note.pcap").write_text("this is no capture at all, but a note")
    for file, reason in (("../a.pcap", "out_of_scope"), ("b.pcap", "not_declared"), ("note.pcap", "damaged")):
        sight = look(system(flow("登录", 443), file=file), folder=tmp_path / "inside")
        agree(f"capture {file}", sight, both("undetermined"))
        assert sight.missing["capture.flows"].reason.value == reason
