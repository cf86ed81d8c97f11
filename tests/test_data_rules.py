"""The places of data: what is read, and which mistakes are told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dengbao import catalog
from dengbao.catalog.data_rules import find_data_faults
from dengbao.catalog.engagements import with_paths
from dengbao.catalog.rules import find_faults
from dengbao.model import BackupAsset, DataPlace, HostAsset

from .builders import write_engagement

GOOD = DataPlace(path="data/nightly", what="夜间导出", origin="synthetic", regions=("649900",))


def told(*places: DataPlace) -> list[str]:
    asset = HostAsset(id="his-app", name="应用服务器", data=places)
    return [one.message for one in find_data_faults(("assets", 0), asset)]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (DataPlace(path=" "), "未填文件或目录"),
        (DataPlace(path="a", origin="real"), "不认识的数据来源“real”"),
        (DataPlace(path="a", origin="masked", regions=("649900",)), "regions 只用于虚构数据"),
        (DataPlace(path="a", origin="synthetic", regions=("64990",)), "regions 须为身份证号前六位"),
        (DataPlace(path="a", origin="masked", marker="测试"), "marker 只用于虚构数据"),
        (DataPlace(path="a", host="his-app"), "path 应是主机 his-app 上的绝对路径"),
        (DataPlace(path="a", pattern="*.log"), "pattern 只用于主机上的目录"),
        (DataPlace(path="/a", host="his-app", pattern="../*"), "pattern 应是相对 path 的通配名"),
    ],
)
def test_mistakes_are_told(place: DataPlace, says: str) -> None:
    assert told(GOOD) == []
    assert told(GOOD, place) == [says]


def test_backups_have_no_data() -> None:
    asset = BackupAsset(id="b", name="备份", path="b", data=(GOOD,))
    assert [one.message for one in find_data_faults(("assets", 0), asset)] == ["备份没有 data"]


def test_paths_are_meant_from_the_engagements_folder(tmp_path: Path) -> None:
    engagement = catalog.load_engagement(write_engagement(tmp_path))
    there = DataPlace(path="/var/log/his", host="his-app", pattern="*.log")
    asset = HostAsset(id="his-app", name="应用服务器", data=(GOOD, there))
    (found,) = with_paths(msgspec.structs.replace(engagement, assets=(asset,)), tmp_path).assets
    assert found.data[0].path == str(tmp_path.resolve() / "data" / "nightly")
    assert found.data[0].regions == GOOD.regions
    assert found.data[1] == there


def test_a_host_that_nobody_declared_is_told(tmp_path: Path) -> None:
    engagement = catalog.load_engagement(write_engagement(tmp_path))
    asset = HostAsset(id="his-app", name="应用服务器", data=(DataPlace(path="/a", host="his-ap"),))
    told = [one.message for one in find_faults(msgspec.structs.replace(engagement, assets=(asset,)))]
    assert "测评对象 his-app 的 data 引用的服务器“his-ap”未登记" in told


@pytest.mark.parametrize("more", [{"restore": True, "host": "h"}, {"host": ""}])
def test_a_repository_is_looked_at_on_its_host_and_not_restored(
    tmp_path: Path, more: dict[str, object]
) -> None:
    engagement = catalog.load_engagement(write_engagement(tmp_path))
    host = HostAsset(id="h", name="主机", address="192.0.2.1")
    asset = BackupAsset(id="b", name="备份", path="/repo", archive="pgbackrest")
    asset = msgspec.structs.replace(asset, **more)
    told = [one.message for one in find_faults(msgspec.structs.replace(engagement, assets=(host, asset)))]
    assert "pgBackRest 仓库只能登录所在服务器查看，不能在本机试恢复" in told
