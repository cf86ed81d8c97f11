"""2.e.3: can users reach what they must not?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from dengbao.checking import check
from dengbao.model import Coverage, Criterion, Judgement
from dengbao.probes.database.facts import DatabaseAccounts, DatabaseGrants
from dengbao.probes.host.facts import HostFiles
from dengbao.probes.host.system_facts import HostProcesses, Process
from dengbao.probes.web.facts_access import Asked, WebMatrix
from dengbao.probes.windows.system_facts import WindowsServices, WindowsShares

from .. import databases, db_rights, matrix, win_network, windows
from ..hosts import ask, modes, told, wider_than
from ..wording import listing

# What the facts cannot show and people must add.
WEB_LEFT = "未登记、未能测试的功能与对象的越权访问，须人工补测"
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


@check("access.no_overreach", half=WEB_LEFT)
def web_roles_do_not_overreach(seen: WebMatrix) -> Judgement:
    """Judge that no role, and no stranger, gets what is not its own, by whatever way it asks.

    Functions of a role that may not (vertical), objects of another account (horizontal). An answer counts as
    given by its content, never by its status.

    Source: GB/T 22239-2019 8.1.4.2 e).
    """
    cells = matrix.forbidden(seen)
    criteria = (*_functions(seen, cells), *_enough(seen, cells), *matrix.shut_out(seen))
    bad = [one for one in cells if seen.answer(one)]
    unsure = [one for one in cells if seen.answer(one) is None]
    left = _web_left(seen)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，{matrix.summary(seen)}，{_overreach_told(cells, bad, unsure)}"
        f"{'；' + left if left else ''}。",
        coverage=Coverage.PARTIAL if left else Coverage.FULL,
        remainder=left,
        proofs=matrix.proofs(seen, cells),
    )


def _functions(seen: WebMatrix, cells: tuple[Asked, ...]) -> Iterator[Criterion]:
    """Yield for each function whether those who may not were refused, and others' objects were."""
    for function in seen.functions:
        for kind, question in (
            ("vertical", "无权角色是否均被拒绝"),
            ("horizontal", "他人的对象是否均被拒绝"),
        ):
            of = [one for one in cells if one.function == function.id and one.kind == kind]
            if not of:
                continue
            met = matrix.verdict(seen, of)
            telling = next(
                (one for one in of if seen.answer(one) is (not met if met is not None else None)), of[0]
            )
            yield ask(
                f"{kind}:{function.id}",
                f"功能“{function.name or function.id}”{question}",
                met,
                matrix.told(telling),
                matrix.FACT,
                decisive=True,
            )


def _enough(seen: WebMatrix, cells: tuple[Asked, ...]) -> Iterator[Criterion]:
    """Yield an unknown criterion where no account that is logged in was refused anything by its role."""
    if not any(one.kind == "vertical" and one.account for one in cells):
        why = "没有以低权限账户请求过无权使用的功能" if seen.cells else "没有可测试的功能"
        yield ask("vertical", "是否测试了纵向越权", None, why, matrix.FACT)


def _overreach_told(cells: tuple[Asked, ...], bad: list[Asked], unsure: list[Asked]) -> str:
    if bad:
        return f"其中 {len(bad)} 次越权取得：{listing((matrix.told(one) for one in bad), 4)}"
    if unsure:
        return f"其中 {len(unsure)} 次无法判断：{listing((matrix.told(one) for one in unsure), 3)}"
    sample = listing((matrix.told(one) for one in cells), 2)
    return f"其中无权的 {len(cells)} 次均被拒绝，未发现越权（如 {sample}）"


def _web_left(seen: WebMatrix) -> str:
    """Return what people must still try: functions left out, and others' objects where none are declared."""
    left = [f"{one.name or one.id}（{one.skipped}）" for one in matrix.untested(seen)]
    parts = [f"未测试的功能：{listing(left)}"] if left else []
    if not any(one.kind == "horizontal" for one in seen.cells):
        parts.append("未登记两个账户各自的对象，横向越权须人工测试")
    institutions = {one.institution for one in seen.accounts if one.institution}
    if len(institutions) > 1 and not any(one.across for one in seen.cells):
        parts.append(f"登记了 {len(institutions)} 个机构的账户，而未登记其各自的对象，跨机构越权须人工测试")
    turned = [one for one in seen.cells if one.kind == "vertical" and one.granted is False]
    if turned and not any(one.way in ("method", "override") for one in seen.cells):
        parts.append("改用其他请求方法的越权未测试（未登记 also_post），须人工测试")
    return "；".join(parts)
