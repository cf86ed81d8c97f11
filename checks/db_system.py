"""Criteria on what is installed into a database, its labels, its version, and what stays behind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.database.facts import DatabaseServer
from dengbao.probes.database.system_facts import DatabaseComponents, DatabaseLabels, DatabaseResidue

from .db_product_system import unseen as unseen_links
from .db_products import OTHERS, name_of
from .hosts import ask
from .wording import listing

_COMPONENTS: Final = "database.components"
_LABELS: Final = "database.labels"
_SERVER: Final = "database.server"
_RESIDUE: Final = "database.residue"
_PRODUCTS: Final = {
    "postgresql": "PostgreSQL",
    "mariadb": "MariaDB",
    "mysql": "MySQL",
    "kingbase": "金仓 KingbaseES",
}
_NO_LABELS: Final = {
    "oracle": "未启用 Oracle Label Security，或其中没有策略", "dm": "未建立强制访问控制策略",
}  # fmt: skip
_SCRUBS: Final = {"dm": "释放、重新分配时清零（客体重用，ENABLE_OBJ_REUSE=1）"}
_KINDS: Final = {"extension": "扩展", "language": "过程语言", "plugin": "插件"}


def extra_components(components: DatabaseComponents, unneeded: tuple[str, ...]) -> Criterion:
    """Return whether nothing of the list of unneeded components is installed."""
    listed = {one.lower() for one in unneeded}
    found = [
        f"{_KINDS.get(one.kind, one.kind)} {one.name}" for one in components.components
        if one.name.lower() in listed
    ]  # fmt: skip
    seen = f"已安装的扩展、插件 {len(components.components)} 个，其中非必要的：{listing(found) or '无'}"
    return ask("unneeded", "是否未安装非必要的扩展、插件", not found, seen, _COMPONENTS)


def any_seen(components: DatabaseComponents) -> tuple[Criterion, ...]:
    """Return an open criterion where neither a component nor a database was shown to us; else none."""
    if components.components or components.databases:
        return ()
    return (ask("seen", "是否已查看组件", None, "未见任何组件与数据库", _COMPONENTS),)


def untrusted_languages(components: DatabaseComponents) -> Criterion:
    """Return whether no procedural language reaches beyond the database."""
    found = [one.name for one in components.components if one.kind == "language" and one.trusted is False]
    seen = f"可访问操作系统的不受信过程语言：{listing(found) or '无'}"
    return ask("untrusted", "是否没有不受信的过程语言", not found, seen, _COMPONENTS)


def samples(components: DatabaseComponents, names: tuple[str, ...]) -> Criterion:
    """Return whether no test or sample database is there."""
    listed = {one.lower() for one in names}
    found = [one for one in components.databases if one.lower() in listed]
    met = False if found else True if components.databases_complete else None
    seen = f"可见数据库 {len(components.databases)} 个，其中测试、示例库：{listing(found) or '无'}"
    if met is None:
        seen += "；账户无权列出全部数据库（SHOW DATABASES）"
    return ask("samples", "是否没有测试、示例数据库", met, seen, _COMPONENTS)


def unseen(platform: str, components: DatabaseComponents) -> str:
    """Return which databases' extensions were not looked at, as the end of a remainder."""
    if platform in OTHERS:
        return unseen_links(components)
    rest = [one for one in components.databases if one != components.looked_in]
    return f"；库 {listing(rest)} 中的扩展须另行连接查看" if components.looked_in and rest else ""


def labelled(platform: str, labels: DatabaseLabels) -> tuple[Criterion, ...]:
    """Return whether objects carry security labels of a mechanism that is loaded."""
    engine = _engine(platform, labels)
    if not labels.offered or (engine.met is False and not labels.labels):
        return (engine,)
    total = sum(one.count for one in labels.labels)
    kinds = listing(f"{one.provider} {one.kind} {one.count} 个" for one in labels.labels)
    seen = f"已设置安全标记的客体 {total} 个（{kinds}）" if total else "未见设置了安全标记的客体"
    return (engine, ask("objects", "客体是否设置安全标记", total > 0, seen, _LABELS, decisive=True))


def _engine(platform: str, labels: DatabaseLabels) -> Criterion:
    question = "是否启用安全标记机制"
    if not labels.offered:
        seen = "该数据库产品没有安全标记与强制访问控制功能"
        return ask("engine", question, False, seen, _LABELS, decisive=True)
    if labels.engine is None:
        return ask("engine", question, None, "账户无权查看已加载的模块，标记由何执行未能确认", _LABELS)
    absent = _NO_LABELS.get(platform, "未加载标记模块（sepgsql 等）")
    seen = f"已加载标记模块 {labels.engine}" if labels.engine else absent
    return ask("engine", question, bool(labels.engine), seen, _LABELS, decisive=True)


def enforced(platform: str, labels: DatabaseLabels) -> tuple[Criterion, ...]:
    """Return whether the mechanism refuses what its rules do not allow, on labelled objects."""
    found = labelled(platform, labels)
    if any(one.met is False for one in found):
        return found
    words = {True: "处于强制模式", False: "处于宽容模式，只记录不阻止", None: "是否强制未能确认"}
    seen = f"标记模块{words[labels.enforced]}"
    question = "是否依据安全标记强制控制访问"
    return (*found, ask("enforcing", question, labels.enforced, seen, _LABELS, decisive=True))


def _number(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, such as 15.8 of `15.8 (Debian 15.8-1)`."""
    parts: list[int] = []
    for one in version.split("-", maxsplit=1)[0].split(" ", maxsplit=1)[0].split("."):
        if not one.isdecimal():
            break
        parts.append(int(one))
    return tuple(parts)


def _entry(server: DatabaseServer, table: tuple[str, ...]) -> str:
    """Return our product's value in a table of `product line value`, empty where there is none."""
    numbers = _number(server.version)
    for row in table:
        product, line, value = (*row.split(), "", "", "")[:3]
        if product == server.product and numbers[: len(_number(line))] == _number(line) != ():
            return value
    return ""


def _name(server: DatabaseServer) -> str:
    return f"{_PRODUCTS.get(server.product) or name_of(server.product)} {server.version}"


def maintained(server: DatabaseServer, ends: tuple[str, ...]) -> Criterion:
    """Return whether the version's maker still mends it; a distribution may go on longer."""
    question = "数据库版本是否在维护期内"
    told, at_s = _entry(server, ends), server.looked_at_s
    if not told or at_s is None:
        seen = f"数据库为 {_name(server)}，维护期未登记"
        return ask("maintained", question, None, seen, _SERVER, decisive=True)
    over = datetime.fromtimestamp(at_s, UTC).date() > date.fromisoformat(told)
    seen = f"数据库为 {_name(server)}，厂商维护至 {told}{'，已停止维护' if over else ''}"
    if over and server.builder:
        seen += f"；由 {server.builder} 构建，其是否继续修补须人工核查"
        return ask("maintained", question, None, seen, _SERVER, decisive=True)
    return ask("maintained", question, not over, seen, _SERVER, decisive=True)


def current(server: DatabaseServer, least: tuple[str, ...], as_of: str, most_days: int) -> Criterion:
    """Return whether known fixes are in; old data can only prove that they are not."""
    question = "是否已安装公布的修补版本"
    told, at_s = _entry(server, least), server.looked_at_s
    if not told or at_s is None:
        return ask("current", question, None, "该版本的修补情况未登记", _SERVER)
    age = (datetime.fromtimestamp(at_s, UTC).date() - date.fromisoformat(as_of)).days
    data = f"截至 {as_of} 公布的修补版本为 {told}"
    if _number(server.version) < _number(told):
        # Distributions put fixes into the version they began with.
        met = None if server.builder else False
        seen = f"{data}，所用版本较旧" + (f"；由 {server.builder} 构建，可能另行修补" if met is None else "")
        return ask("current", question, met, seen, _SERVER, decisive=True)
    if age > most_days:
        seen = f"{data}，所用版本不低于此；该资料已超过 {most_days} 天，其后的修补未能确认"
        return ask("current", question, None, seen, _SERVER, decisive=True)
    return ask("current", question, True, f"{data}，所用版本不低于此", _SERVER, decisive=True)


def no_passwords_logged(residue: DatabaseResidue) -> Criterion:
    """Return whether statements with passwords do not stay in logs as they were typed."""
    question = "含口令的语句是否不原样留在日志中"
    raw = any(one.name == "log_raw" and one.value == "ON" for one in residue.settings)
    if not residue.statement_logs:
        met = True if residue.settings_known else None
        seen = "未开启原样记录语句的日志" if met else "记录语句的模块未能查看"
        return ask("not_logged", question, met, seen, _RESIDUE, decisive=True)
    seen = f"记录语句的日志：{listing(residue.statement_logs)}"
    if residue.rewriting:
        return ask(
            "not_logged", question, True, f"{seen}，服务器写入前隐去其中的口令", _RESIDUE, decisive=True
        )
    if raw:
        return ask(
            "not_logged", question, False, f"{seen}，已设为不隐去口令（log_raw）", _RESIDUE, decisive=True
        )
    hides = "服务器不隐去其中的口令" if residue.rewriting is False else "服务器是否隐去其中的口令未能确认"
    seen += f"，{hides}；以明文口令建立、修改过账户的，口令留在日志中，须查看日志确认"
    return ask("not_logged", question, None, seen, _RESIDUE, decisive=True)


# By these, tables are encrypted that are made from now on.
_NEW_ONES: Final = frozenset({"innodb_encrypt_tables", "default_table_encryption"})
_ON: Final = frozenset({"ON", "FORCE", "1"})


def cleared(platform: str, residue: DatabaseResidue) -> Criterion:
    """Return whether deleted data does not stay readable in files."""
    question = "已删除数据所在空间是否得到清除"
    if residue.scrubbed or residue.encrypted:
        over = _SCRUBS.get(platform, "释放时覆写（innodb_immediate_scrub_data_uncompressed）")
        how = over if residue.scrubbed else f"数据文件加密（{listing(residue.encrypted)}）"
        return ask("cleared", question, True, f"已删除数据所在空间{how}", _RESIDUE, decisive=True)
    if residue.vacuum_on is False:
        dead = "" if residue.dead_rows is None else f"，现有死元组 {residue.dead_rows} 行"
        seen = f"自动清理（autovacuum）未启用，已删除的数据行不回收{dead}"
        return ask("cleared", question, False, seen, _RESIDUE, decisive=True)
    vacuum = "" if residue.vacuum_on is None else "；自动清理（autovacuum）已启用，只回收空间而不覆写"
    new = [one.name for one in residue.settings if one.name in _NEW_ONES and one.value.upper() in _ON]
    files = "数据文件未由数据库加密"
    if new:
        files = f"新建的表加密（{listing(new)}），原有的表是否均已加密未能确认"
    seen = f"未启用释放空间的覆写，{files}{vacuum}；重用前由引擎重新初始化，须取厂商说明"
    return ask("cleared", question, None, seen, _RESIDUE, decisive=True)
