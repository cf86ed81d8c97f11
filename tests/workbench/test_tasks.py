"""Work in the background as a page sees it: one moment of it, not half of one and half of another."""

from __future__ import annotations

import functools
import threading
import time

import pytest

from dengbao.errors import UsageError
from dengbao.packet.faults import Fault, GateClosed
from dengbao.workbench.tasks import Say, Task, Tasks

from .bench import WAIT_S


def ended(tasks: Tasks) -> Task:
    end = time.monotonic() + WAIT_S
    while (seen := tasks.last) is None or seen.working:
        assert time.monotonic() < end
        time.sleep(0.01)
    return seen


def test_what_was_seen_while_it_went_on_stays_as_it_was_seen() -> None:
    tasks, go, begun = Tasks(), threading.Event(), threading.Event()
    assert tasks.last is None

    def work(say: Say) -> str:
        say("一")
        begun.set()
        assert go.wait(WAIT_S)
        say("二")
        raise GateClosed([Fault(place="1.a.1", message="缺", cure="补")])

    tasks.start("封存", work)
    assert begun.wait(WAIT_S)
    seen = tasks.last
    assert seen is not None
    with pytest.raises(UsageError, match="正在封存"):
        tasks.start("生成表单", work)
    go.set()
    after = ended(tasks)
    assert (seen.working, seen.steps, seen.faults, seen.reasons) == (True, ["一"], (), ())
    assert after.steps == ["一", "二"]
    assert [one.place for one in after.reasons] == ["1.a.1"]
    assert "1 处" in after.faults[0].message


def test_an_ended_one_has_all_that_it_came_to() -> None:
    tasks = Tasks()
    for number in range(200):
        tasks.start("封存", functools.partial(str.format, str(number)))
        assert ended(tasks).told == str(number)
