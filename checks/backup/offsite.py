"""8.b.1: is important data copied in real time to another place?"""

from __future__ import annotations

import ipaddress
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.backup.facts import BackupFiles, BackupPeers, BackupPlace, Peer

from ..backup_copies import Copy, all_seen, copies, refuse_the_future
from ..wording import listing

_FACT: Final = "backup.peers"
_ROLES: Final = {"replica": "从库", "source": "主库"}
_REMAINDER: Final = (
    "须由人核对：备份场地确在异地（地址、距离、管理方）；重要配置数据和未入库的业务数据是否一并实时备份"
)


class OffsiteParams(Params):
    """How far the copy may be behind and still be called 实时."""

    offsite_lag_max_s: int


@check("backup.offsite", half=_REMAINDER)
def database_is_copied_offsite(peers: BackupPeers, asset: DatabaseAsset, params: OffsiteParams) -> Judgement:
    """Judge that the database replicates right now with the declared off-site network, and how far behind.

    Source: GB/T 22239-2019 8.1.4.9 b).
    """
    there = _there(peers, asset)
    criteria = [_connected(peers, there, asset)]
    running = [one for one in there if one.connected]
    if running:
        criteria.append(_lag(running, peers, params))
    return Judgement(
        criteria=tuple(criteria),
        statement=(
            f"经核查，{'；'.join(one.measured for one in criteria)}"
            f"（异地网络登记为 {listing(asset.offsite)}）。"
        ),
        coverage=Coverage.PARTIAL,
        remainder=_REMAINDER,
    )


@check("backup.offsite", half="备份场地是否异地、最新文件是否含全部新增数据")
def offsite_folder_receives_at_once(
    place: BackupPlace, files: BackupFiles, params: OffsiteParams
) -> Judgement:
    """Judge that the off-site folder lies on another machine and that its newest file came a moment ago.

    Source: GB/T 22239-2019 8.1.4.9 b).
    """
    found = copies(files, None)
    refuse_the_future(found)
    criteria = (_elsewhere(place), _fresh(files, found, params))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，异地备份目录 {files.folder}：{'；'.join(one.measured for one in criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=f"{_REMAINDER}；最新文件是否含全部新增数据（如持续归档的日志）须由人确认",
    )


def _elsewhere(place: BackupPlace) -> Criterion:
    how = "经网络挂载，" if place.mounted else ""
    return Criterion(
        name="elsewhere",
        question="目录是否位于另一台机器",
        met=True if place.machine else None,
        measured=f"{how}位于 {place.machine}" if place.machine else "位于测评所用的本机，看不出场地",
        fact="backup.place",
    )


def _fresh(files: BackupFiles, found: tuple[Copy, ...], params: OffsiteParams) -> Criterion:
    most = params.offsite_lag_max_s
    age_s = max(min((one.age_h for one in found), default=0.0), 0.0) * 3600
    met: bool | None = age_s <= most
    measured = (
        f"最新文件 {found[0].name} 到达于 {age_s:.0f} 秒前（应不超过 {most} 秒）" if found else "没有备份文件"
    )
    if not found or not met:
        met = False if all_seen(files) else None
    return Criterion(
        name="fresh", question=f"最新文件是否在 {most} 秒内到达", met=met, measured=measured,
        fact="backup.files", decisive=True,
    )  # fmt: skip


def _there(peers: BackupPeers, asset: DatabaseAsset) -> list[Peer]:
    """Return replicas at the off-site place, or the source elsewhere where we stand there ourselves."""
    own = _host_of(asset.address)
    others = [one for one in peers.peers if one.address != own]
    if _inside(own, asset):
        return [one for one in others if one.role == "source" and _inside(one.address, asset) is False]
    return [one for one in others if one.role == "replica" and _inside(one.address, asset)]


def _host_of(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def _inside(address: str, asset: DatabaseAsset) -> bool | None:
    """Tell whether an address lies in a declared network; None for a name, which tells no place."""
    try:
        found = ipaddress.ip_address(address)
        networks = [ipaddress.ip_network(one, strict=False) for one in asset.offsite]
    except ValueError:
        return None
    return any(found in one for one in networks if one.version == found.version)


def _connected(peers: BackupPeers, there: list[Peer], asset: DatabaseAsset) -> Criterion:
    running = [one for one in there if one.connected]
    seen = listing(_told(one) for one in peers.peers)
    met: bool | None = True
    measured = f"与异地 {listing(_told(one) for one in running)} 的复制正在进行"
    if not running:
        nameless = any(_inside(one.address, asset) is None for one in peers.peers)
        met = None if not peers.complete or nameless else False
        what = "复制已停止" if there else "未见与异地网络的复制"
        rest = "" if peers.complete else "，账户所见可能不全"
        measured = f"{what}（所见复制：{seen or '无'}{rest}）"
    return Criterion(
        name="connected", question="数据库是否正与异地网络中的服务器复制", met=met, measured=measured,
        fact=_FACT, decisive=True,
    )  # fmt: skip


def _lag(running: list[Peer], peers: BackupPeers, params: OffsiteParams) -> Criterion:
    most = params.offsite_lag_max_s
    lags = [one.lag_s for one in running if one.lag_s is not None]
    waits = any(one.synchronous for one in running) or (
        peers.semi_synchronous and len(peers.peers) == len(running)
    )
    met: bool | None = None
    measured = "本端不知从库的延迟，须把从库也登记为测评对象，或由人核查"
    if waits:
        met, measured = True, "提交须等待异地确认（同步或半同步复制）"
    elif lags:
        met = min(lags) <= most
        measured = f"延迟 {min(lags):.0f} 秒（应不超过 {most} 秒）"
    return Criterion(
        name="lag", question=f"复制延迟是否不超过 {most} 秒", met=met, measured=measured, fact=_FACT,
        decisive=True,
    )  # fmt: skip


def _told(peer: Peer) -> str:
    return f"{_ROLES.get(peer.role, peer.role)} {peer.address or '（本机套接字）'}"
