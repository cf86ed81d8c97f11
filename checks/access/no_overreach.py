"""2.e.3: can users reach what they must not?"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants
from dengbao.probes.host.facts import HostFiles
from dengbao.probes.host.system_facts import HostProcesses, Process
from dengbao.probes.windows.system_facts import WindowsServices, WindowsShares

from .. import databases, db_rights, win_network, windows
from ..hosts import ask, modes, told, wider_than
from ..wording import listing

# What the facts cannot show and people must add.
HOST_LEFT = "普通账户实际访问他人文件与管理命令是否被拒绝，须人工测试"
DATABASE_LEFT = "以普通账户测试越权访问其他库、表的情形，并核查超级用户未授予非数据库管理人员"
WINDOWS_LEFT = "以普通账户访问未授权的文件、功能被拒绝，须人工测试"

_PROCESSES: Final = "host.processes"
# Databases, middleware and run-times of applications by process name.
_SERVERS: Final = (
    "mysqld", "mariadbd", "postgres", "oracle", "mongod", "redis-server", "memcached", "dmserver", "kingbase",
    "gaussdb", "gbased", "sqlservr", "java", "node", "dotnet", "tomcat", "beam.smp", "rabbitmq-server",
    "nacos", "elasticsearch",
)  # fmt: skip
# Servers whose first process must be root to open its port; the workers must not be.
_MASTERS: Final = ("nginx", "httpd", "apache2", "php-fpm", "haproxy", "kong", "openresty")


@check("access.no_overreach", half=HOST_LEFT)
def host_services_do_not_run_as_root(processes: HostProcesses, files: HostFiles) -> Judgement:
    """Judge that databases, middleware and applications do not run as root, and that key files are closed.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = (_as_root(processes), _writable(files))
    return Judgement(
        criteria=criteria,
        statement=f"经核查，{told(criteria)}。",
        coverage=Coverage.PARTIAL,
        remainder=HOST_LEFT,
    )


def _as_root(processes: HostProcesses) -> Criterion:
    servers = processes.named(*_SERVERS)
    bad = [one for one in servers if one.user == "root"]
    workers: dict[str, list[Process]] = defaultdict(list)
    for one in processes.named(*_MASTERS):
        workers[one.name].append(one)
    bad += [found[0] for found in workers.values() if all(one.user == "root" for one in found)]
    users = {f"{one.name}（{one.user}）" for one in servers} | {
        f"{one.name}（{one.user}）" for found in workers.values() for one in found if one.user != "root"
    }
    met = False if bad else True if processes.complete else None
    if bad:
        seen = f"以 root 运行的数据库、中间件或应用：{listing(sorted({one.name for one in bad}))}"
    elif met is None:
        seen = "其他用户的进程不可见，数据库、中间件的运行身份未能确认"
    else:
        seen = (
            f"未见以 root 运行的数据库、中间件或应用（运行身份：{listing(sorted(users)) or '未见此类进程'}）"
        )
    return ask(
        "as_root", "数据库、中间件、应用是否未以超级管理员身份运行", met, seen, _PROCESSES, decisive=True
    )


def _writable(files: HostFiles) -> Criterion:
    bad = [one for one in files.files if wider_than(one, 0o755)]
    shadow = [one for one in files.files if one.path.endswith("shadow") and wider_than(one, 0o640)]
    bad += [one for one in shadow if one not in bad]
    unseen = files.denied
    met = False if bad else None if unseen else True
    seen = (
        f"普通用户可写或可读的关键文件：{modes(bad)}"
        if bad
        else "普通用户不可改写账户与策略文件、不可读取口令文件"
    )
    if met is None:
        seen = f"{listing(unseen)} 的权限未能查看"
    return ask("writable", "普通用户是否不能改写关键文件、读取口令文件", met, seen, "host.files")


@check("access.no_overreach", half=DATABASE_LEFT)
def database_rights_reach_no_further(accounts: DatabaseAccounts, grants: DatabaseGrants) -> Judgement:
    """Judge that nothing lets an account reach beyond what it was granted.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = db_rights.contained(accounts, grants)
    return Judgement(
        criteria=criteria,
        statement=databases.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=DATABASE_LEFT,
    )


@check("access.no_overreach", half=WINDOWS_LEFT)
def windows_services_do_not_run_as_system(services: WindowsServices, shares: WindowsShares) -> Judgement:
    """Judge that servers do not run as the system, and that no folder is everybody's to write.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    criteria = (win_network.as_system(services), win_network.open_shares(shares))
    return Judgement(
        criteria=criteria,
        statement=windows.sentence(criteria),
        coverage=Coverage.PARTIAL,
        remainder=WINDOWS_LEFT,
    )
