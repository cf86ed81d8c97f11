"""Software, updates, detection, trust and what stays in memory on Windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.windows.facts import WindowsIdentity, WindowsPolicy, WindowsSettings
from dengbao.probes.windows.system_facts import (
    WindowsDefence,
    WindowsServices,
    WindowsSoftware,
    WindowsTrust,
    WindowsUpdates,
)

from .hosts import ask
from .windows import DAY_S, POLICY, SETTINGS, date, state
from .wording import listing

_SOFTWARE: Final = "windows.software"
_UPDATES: Final = "windows.updates"
_SERVICES: Final = "windows.services"
_TRUST: Final = "windows.trust"
_HVCI: Final = 2
_ENFORCED: Final = 2
_STORED: Final[Mapping[int | None, str]] = {
    None: "注册表中是否存放自动登录口令未能确认",
    0: "注册表中未存放自动登录口令",
}
# Host intrusion detection by product: its services.
_DETECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    "Wazuh/OSSEC": ("WazuhSvc", "OssecSvc"), "Defender for Endpoint": ("Sense",),
    "CrowdStrike": ("CSFalconService",), "SentinelOne": ("SentinelAgent",), "Elastic": ("Elastic Endpoint",),
    "奇安信天擎": ("QAXEntClient", "QAXSafe", "TQDefender"), "360 天擎": ("360EntClient", "QHActiveDefense"),
    "深信服 EDR": ("sfedr", "edr_agent", "SangforEDR"), "火绒终端安全": ("HipsDaemon",),
    "亚信安全": ("ds_agent", "ntrtscan"), "安恒 EDR": ("DASEDR",), "青藤云主机安全": ("titanagent",),
    "安全狗": ("SafeDogGuardCenter",), "阿里云安骑士": ("Aegis", "AliYunDun"),
    "腾讯云主机安全": ("YDService",), "华为云主机安全": ("HostGuard",),
}  # fmt: skip


def matching(software: WindowsSoftware, wanted: Iterable[str]) -> list[str]:
    """Return enabled features of that name, and programs whose name contains the word."""
    words = [one.casefold() for one in wanted]
    features = [one for one in software.features if one.casefold() in words]
    programs = [
        f"{one.name} {one.version}".strip()
        for one in software.programs
        if any(word in one.name.casefold() for word in words)
    ]
    return features + programs


def features(software: WindowsSoftware, wanted: tuple[str, ...]) -> Criterion:
    """Return whether no feature of the list is enabled."""
    found = matching(WindowsSoftware(features=software.features, programs=()), wanted)
    seen = f"已启用的非必要功能：{listing(found) or '无'}（共启用 {len(software.features)} 个）"
    return ask("features", "是否未启用非必要的功能", not found, seen, _SOFTWARE)


def programs(software: WindowsSoftware, wanted: tuple[str, ...]) -> Criterion:
    """Return whether no program of the list is installed."""
    found = matching(WindowsSoftware(features=(), programs=software.programs), wanted)
    seen = f"已安装的非必要程序：{listing(found) or '无'}（共安装 {len(software.programs)} 个）"
    return ask("programs", "是否未安装非必要的程序", not found, seen, _SOFTWARE)


def pending(updates: WindowsUpdates, most_days: int) -> tuple[Criterion, str]:
    """Return whether the host knows security updates that it lacks, and when it was last mended."""
    return _pending(updates, most_days), _last(updates)


def _pending(updates: WindowsUpdates, most_days: int) -> Criterion:
    question = "是否没有未安装的安全更新"
    found = updates.pending
    waiting = [one for one in found or () if one.security]
    if waiting:
        names = listing("、".join(one.articles) or "（无编号）" for one in waiting)
        return ask(
            "pending", question, False, f"本机已知而未安装的安全更新 {len(waiting)} 个：{names}", _UPDATES
        )
    if found is None:
        return ask(
            "pending", question, None, "本机的更新列表未能查询，是否有未安装的安全更新未能确认", _UPDATES
        )
    if updates.searched_s is None or updates.clock_s is None:
        return ask("pending", question, None, "本机最近一次检查更新的时间未能确认", _UPDATES)
    age = max(updates.clock_s - updates.searched_s, 0) // DAY_S
    seen = f"本机最近一次检查更新于 {date(updates.searched_s)}（{age} 天前）"
    if age > most_days:
        seen += f"，已超过 {most_days} 天，不能说明没有新的安全更新"
        return ask("pending", question, None, seen, _UPDATES)
    if any(one.security is None for one in found):
        return ask("pending", question, None, seen + "，未安装的更新中有类别不明的", _UPDATES)
    return ask("pending", question, True, seen + "，没有未安装的安全更新", _UPDATES)


def _last(updates: WindowsUpdates) -> str:
    days = [one.installed_day for one in updates.hotfixes if one.installed_day is not None]
    if not days:
        return f"已安装更新 {len(updates.hotfixes)} 个"
    latest = max(days)
    names = listing(one.id for one in updates.hotfixes if one.installed_day == latest)
    return f"已安装更新 {len(updates.hotfixes)} 个，最近一次于 {date(latest * DAY_S)}（{names}）"


def detection(services: WindowsServices, defence: WindowsDefence | None) -> tuple[Criterion, str]:
    """Return whether a known product runs, and what guards from malware besides."""
    running = [name for name, own in _DETECTORS.items() if any(services.running(one) for one in own)]
    there = [name for name, own in _DETECTORS.items() if any(services.get(one) for one in own)]
    met = True if running else False if there else None
    if running:
        seen = f"主机入侵检测程序 {listing(running)} 正在运行"
    elif there:
        seen = f"已安装主机入侵检测程序 {listing(there)}，但未运行"
    else:
        seen = f"在 {len(services.services)} 个服务中未见已知的主机入侵检测程序，是否另有检测措施须访谈并核查"
    return ask("running", "是否有入侵检测措施", met, seen, _SERVICES, decisive=True), _malware(defence)


def _malware(defence: WindowsDefence | None) -> str:
    if defence is None or (defence.products is None and defence.defender is None):
        return "恶意代码防范软件的状态未能查看"
    names = [one.name for one in defence.products or ()]
    state = defence.defender or {}
    if state:
        real = {"True": "开启", "False": "关闭"}.get(state.get("RealTimeProtectionEnabled", ""), "未知")
        names.append(f"Microsoft Defender（实时防护{real}）")
    return f"恶意代码防范软件：{listing(names) or '未见'}"


# ---- trust -----------------------------------------------------------------------------------------------


def root_of_trust(trust: WindowsTrust) -> Criterion:
    """Return whether there is a TPM that is in use."""
    met = trust.tpm if not trust.tpm else trust.tpm_ready
    seen = {
        True: f"有可信根（TPM {trust.tpm_version}）",
        False: "未见可信根（TPM）",
        None: "可信根（TPM）未能查看",
    }
    words = seen[trust.tpm]
    if trust.tpm and trust.tpm_ready is not True:
        words += "，未启用或未激活" if trust.tpm_ready is False else "，是否启用未能确认"
    return ask("root_of_trust", "是否有可信根", met, words, _TRUST, decisive=True)


def verified_boot(settings: WindowsSettings | None) -> Criterion:
    """Return whether firmware refuses boot programs without a valid signature."""
    question = "是否验证系统引导程序"
    if settings is None:
        return ask("verified_boot", question, None, "安全启动状态未能查看", SETTINGS)
    secure = settings.number("boot.UEFISecureBootEnabled")
    firmware = {1: "传统 BIOS", 2: "UEFI"}.get(settings.number("boot.PEFirmwareType") or 0, "固件类型未知")
    met = None if secure is None else secure == 1
    if secure is None and firmware == "传统 BIOS":
        met = False
    state = {True: "安全启动已开启", False: "安全启动未开启", None: "安全启动状态未能查看"}[met]
    return ask("verified_boot", question, met, f"{firmware}，{state}", SETTINGS)


def measured(trust: WindowsTrust) -> Criterion:
    """Return whether the hypervisor guards the integrity of system code."""
    guards = trust.guards
    met = None if guards is None else _HVCI in guards
    words = {True: "正在运行", False: "未运行", None: "状态未能查看"}
    return ask(
        "measured", "是否校验系统程序的完整性", met, f"基于虚拟化的代码完整性保护（HVCI）{words[met]}", _TRUST
    )


def appraised(trust: WindowsTrust) -> Criterion:
    """Return whether only approved programs are run; without it, a product we do not know may do it."""
    question = "执行环节是否进行动态可信验证"
    if trust.integrity == _ENFORCED:
        return ask("appraised", question, True, "代码完整性策略（WDAC）强制执行", _TRUST)
    seen = "代码完整性策略（WDAC）未强制，是否另有可信计算产品须人工核查"
    if trust.integrity is None:
        seen = "代码完整性策略（WDAC）状态未能查看"
    return ask("appraised", question, None, seen, _TRUST)


# ---- residual information --------------------------------------------------------------------------------


def memory(settings: WindowsSettings) -> tuple[Criterion, ...]:
    """Return whether memory does not stay on the disk: page file cleared, no dumps."""
    clear = settings.number("memory.ClearPageFileAtShutdown", 0)
    paging = settings.text("memory.PagingFiles")
    dump = settings.number("crash.CrashDumpEnabled")
    met = True if clear == 1 or paging == "" else None if clear is None else False
    state = {None: "未能确认", 1: "已启用"}.get(clear, "未启用")
    seen = f"“关机: 清除虚拟内存页面文件”{state}" + ("，未设页面文件" if paging == "" else "")
    words = {None: "内存转储设置未能确认", 0: "内存转储已禁止"}
    return (
        ask("page_file", "关机时是否清除页面文件", met, seen, SETTINGS),
        ask("dump", "系统崩溃时内存内容是否不写入磁盘", None if dump is None else dump == 0,
            words.get(dump, f"内存转储未禁止（CrashDumpEnabled 为 {dump}）"), SETTINGS),
    )  # fmt: skip


def credentials(
    settings: WindowsSettings, policy: WindowsPolicy, identity: WindowsIdentity
) -> tuple[Criterion, ...]:
    """Return whether login names and passwords do not stay behind for the next one."""
    last = settings.number("system.DontDisplayLastUserName", 0)
    stored = settings.number("winlogon.DefaultPassword.present", 0)
    clear = policy.number("ClearTextPassword")
    criteria = (
        ask("last_user", "登录界面是否不显示上次登录的用户名", None if last is None else last == 1,
            f"“交互式登录: 不显示上次登录”{state(last)}", SETTINGS),
        ask("stored", "注册表中是否未存放自动登录口令", None if stored is None else stored == 0,
            _STORED.get(stored, "注册表中存放有明文的自动登录口令"),
            SETTINGS, decisive=True),
        ask("clear", "口令是否不以可还原的加密存储", None if clear is None else clear == 0,
            f"“用可还原的加密来储存密码”{state(clear)}", POLICY,
            decisive=True),
    )  # fmt: skip
    cached = settings.number("winlogon.CachedLogonsCount", 10)
    if identity.member is False:
        return criteria
    kept = ask(
        "cached",
        "是否不缓存域账户的登录信息",
        None if cached is None or identity.controller else cached == 0,
        f"缓存域账户登录信息的次数{'未能确认' if cached is None else f'为 {cached}'}",
        SETTINGS,
    )
    return (*criteria, kept)
