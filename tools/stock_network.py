"""Runs ssh-audit and nmap against the servers of the live tests and keeps what kinds of things they reported.

`python tools/stock_network.py` starts careless and hardened servers on loopback, runs both tools and our own
probe on them, writes `tools/stock_tools/reported/{ssh-audit,nmap}.txt` and prints where the lists differ.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from contextlib import ExitStack
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.live.test_services import see  # noqa: E402 - the tree is no installed package
from tests.servers import services  # noqa: E402

FOLDER: Final = ROOT / "tools" / "stock_tools" / "reported"
_SCRIPTS: Final = (
    "default,smb-protocols,ssh2-enum-algos,rdp-enum-encryption,redis-info,memcached-info,"
    "rsync-list-modules,x11-access,smb-enum-shares,ftp-anon,vnc-info,snmp-info"
)


def ssh_audit(ports: tuple[int, ...]) -> set[str]:
    """Return the kinds of things ssh-audit says of these servers; its load test is left out."""
    found: set[str] = set()
    for port in ports:
        program = Path(sys.executable).with_name("ssh-audit")
        done = subprocess.run(
            (str(program), "-j", "--skip-rate-test", "-p", str(port), services.ADDRESS),
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        said = json.loads(done.stdout)
        found |= {name for name, value in said.items() if value}
        for group in ("enc", "kex", "key", "mac"):
            for one in said[group]:
                found |= {f"{group}.{name}" for name in one if name != "algorithm"}
                found |= {f"{group}.notes.{name}" for name in one.get("notes", {})}
        found |= {f"banner.{name}" for name in said["banner"]}
    return found


def nmap(ports: list[int]) -> set[str]:
    """Return the kinds of things nmap says of the ports, and the scripts that said something."""
    found: set[str] = set()
    tcp, udp = ",".join(map(str, ports)), "69,161"
    for kind, chosen in (("-sT", tcp), ("-sU", udp)):
        command = ("nmap", kind, "-sV", "-Pn", "-n", "--script", _SCRIPTS, "-p", chosen, "-oX", "-")
        done = subprocess.run(
            (*command, services.ADDRESS),
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        document = ET.fromstring(done.stdout)  # noqa: S314 - written by the engine we started
        found |= {f"script.{one.get('id')}" for one in document.iter("script")}
        found |= {f"service.{name}" for one in document.iter("service") for name in one.attrib}
        found |= {f"state.{one.get('state')}" for one in document.iter("state")}
        found |= {"service.cpe" for _ in document.iter("cpe")}
    return found


def main() -> int:
    """Run everything and write what was reported."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as held:
        base = Path(name)
        base.chmod(0o755)
        made = iter(range(100))

        def folder() -> Path:
            path = base / str(next(made))
            path.mkdir(mode=0o755)
            return path

        weak = held.enter_context(services.sshd(folder(), services.WEAK, rsa_bits=1024))
        strong = held.enter_context(services.sshd(folder()))
        vnc, x11 = held.enter_context(services.desktop(folder(), hardened=False))
        ports = [
            weak, strong, vnc, x11,
            held.enter_context(services.samba(folder(), hardened=False)),
            held.enter_context(services.ftp(folder(), hardened=False, anonymous=True)),
            held.enter_context(services.telnet()),
            held.enter_context(services.rsync(folder(), hardened=False)),
            held.enter_context(services.memcached(folder())),
            held.enter_context(services.redis(folder(), hardened=False)),
            held.enter_context(services.nginx(folder())),
            held.enter_context(services.xrdp(folder(), hardened=False)),
            held.enter_context(services.directory(folder(), hardened=False)),
        ]  # fmt: skip
        held.enter_context(services.snmp(folder(), public=True))
        held.enter_context(services.tftp(folder()))
        for tool, said in (("ssh-audit", ssh_audit((weak, strong))), ("nmap", nmap(ports))):
            (FOLDER / f"{tool}.txt").write_text("\n".join(sorted(said)) + "\n", encoding="utf-8")
            print(f"{tool}：{len(said)} 项", file=sys.stderr)
        facts = see(*ports).facts["services.exposed"]
        print(facts, file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
