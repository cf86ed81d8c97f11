"""The demo's course: which hospital runs when, and what is left behind."""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml

from dengbao.demo import flow
from dengbao.demo.engagement import hospital_of
from dengbao.errors import UsageError
from dengbao.model import SuiteResult


def url_of(folder: Path) -> str:
    plain = yaml.safe_load((folder / "engagement.yaml").read_text(encoding="utf-8"))
    return str(plain["assets"][0]["url"])


def port_of(folder: Path) -> int:
    return int(url_of(folder).rpartition(":")[2])


@dataclass
class Watcher:
    """Stands where the runner and the report stand, and notes what it finds when it is called."""

    done: list[str] = field(default_factory=list)
    fails: type[BaseException] | None = None

    def run(self, folder: Path) -> int:
        tls = ssl.create_default_context(cafile=str(hospital_of(folder) / "tls" / "ca.pem"))
        headers = httpx.get(f"{url_of(folder)}/login", verify=tls, trust_env=False).headers
        assert os.environ["DENGBAO_DEMO_PASSWORD"]
        if self.fails:
            raise self.fails
        self.done.append("after" if "content-security-policy" in headers else "before")
        return len([one for one in self.done if one != "report"])

    def report(self, folder: Path, number: int) -> Path:
        self.done.append("report")
        return folder / "out" / f"{number}.docx"

    def result(self, _folder: Path, _number: int) -> SuiteResult:
        return SuiteResult(mandatory=(), clauses=())

    @property
    def steps(self) -> flow.Steps:
        return flow.Steps(run=self.run, report=self.report, result=self.result)


def stopped(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


def test_both_states_are_run_and_reported_in_turn(tmp_path: Path) -> None:
    watcher, said = Watcher(), list[str]()
    assert flow.run_demo(tmp_path / "demo", say=said.append, steps=watcher.steps) == 0
    assert watcher.done == ["before", "report", "after", "report"]
    assert any("整改前后的差异" in one for one in said)
    assert any("2.docx" in one for one in said)
    assert "DENGBAO_DEMO_PASSWORD" not in os.environ
    assert stopped(port_of(tmp_path / "demo"))


def test_ctrl_c_stops_the_hospital_and_keeps_the_folder(tmp_path: Path) -> None:
    watcher, said = Watcher(fails=KeyboardInterrupt), list[str]()
    code = flow.run_demo(tmp_path / "demo", say=said.append, steps=watcher.steps)
    assert code == flow.INTERRUPTED
    assert "已中止" in said[-1]
    assert (tmp_path / "demo" / "engagement.yaml").is_file()
    assert stopped(port_of(tmp_path / "demo"))
    assert "DENGBAO_DEMO_PASSWORD" not in os.environ


def test_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="非空"):
        flow.run_demo(tmp_path, say=lambda _text: None, steps=Watcher().steps)
