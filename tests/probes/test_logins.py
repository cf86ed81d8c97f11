"""An account that was refused once is not tried again in the same run, whoever asks."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dengbao.errors import LoginRefused, Unreachable
from dengbao.model import Account, HostAsset
from dengbao.probes.logins import Logins

HOST = HostAsset(id="host", name="主机", address="127.0.0.1")
OTHER = HostAsset(id="other", name="另一主机", address="127.0.0.2")
ACCOUNT = Account(id="collector", username="ops")


def refuse(number: int) -> None:
    raise LoginRefused(f"第 {number} 个")


def test_a_refused_account_is_not_tried_again() -> None:
    logins = Logins()
    with pytest.raises(LoginRefused), logins.turn(HOST, ACCOUNT):
        raise LoginRefused("登录被拒绝", cure="核对口令")
    tried = False
    with pytest.raises(LoginRefused, match="登录被拒绝；本次运行不再") as caught, logins.turn(HOST, ACCOUNT):
        tried = True
    assert not tried
    assert caught.value.cure == "核对口令"


def test_other_accounts_hosts_and_failures_do_not_count() -> None:
    logins = Logins()
    with pytest.raises(Unreachable), logins.turn(HOST, ACCOUNT):
        raise Unreachable("连接中断")
    with pytest.raises(LoginRefused), logins.turn(HOST, ACCOUNT):
        raise LoginRefused("登录被拒绝")
    tried = []
    for asset, account in ((OTHER, ACCOUNT), (HOST, Account(id="b", username="backup"))):
        with logins.turn(asset, account):
            tried.append(asset.id)
    assert tried == ["other", "host"]


def test_one_login_at_a_time_from_threads() -> None:
    logins, at_once, most, own = Logins(), 0, 0, threading.Lock()
    ready = threading.Barrier(8)

    def refuse_first(number: int) -> str:
        nonlocal at_once, most
        ready.wait(10)
        try:
            with logins.turn(HOST, ACCOUNT):
                with own:
                    at_once += 1
                    most = max(most, at_once)
                with own:
                    at_once -= 1
                refuse(number)
        except LoginRefused as exc:
            return exc.message
        return ""

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(refuse_first, range(8)))
    assert most == 1
    assert sum("本次运行不再" not in one for one in said) == 1


def test_waiting_in_the_event_loop_can_be_given_up() -> None:
    logins = Logins()

    async def both() -> str:
        async with logins.turn_async(HOST, ACCOUNT):
            try:
                async with asyncio.timeout(0.1), logins.turn_async(HOST, ACCOUNT):
                    return "两个同时"
            except TimeoutError:
                pass
        async with logins.turn_async(HOST, ACCOUNT):
            return "依次"

    assert asyncio.run(both()) == "依次"
