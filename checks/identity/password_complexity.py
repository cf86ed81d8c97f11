"""1.a.4, first half: must passwords be complex?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from dengbao.checking import Params, check
from dengbao.model import Coverage, Criterion, DatabaseAsset, Judgement
from dengbao.probes.database.facts import DatabasePolicy
from dengbao.probes.host.facts import HostPam, PamRule
from dengbao.probes.host.system_facts import HostPackages
from dengbao.probes.web.facts_identity import WebPasswordChange
from dengbao.probes.windows.facts import WindowsIdentity, WindowsPolicy, WindowsSettings

from .. import databases, db_policy, web_passwords, win_policy, windows
from ..hosts import PAM, ask, told
from ..pam import QUALITY_MODULES, strangers, succeeds
from ..wording import listing

# What the modules take where nobody sets anything: credits of pam_cracklib shorten the length, those of
# pwquality do not.
_DEFAULTS: Final[Mapping[str, Mapping[str, int]]] = {
    "pam_pwquality.so": {"minlen": 8, "minclass": 0, "credit": 0},
    "pam_cracklib.so": {"minlen": 9, "minclass": 0, "credit": 1},
}
_LIBRARY: Final = frozenset({"libpwquality", "libpwquality1"})
_NO_CREDITS_SINCE: Final = (1, 4)
_CREDITS: Final = ("dcredit", "ucredit", "lcredit", "ocredit")


WEB_LEFT: Final = (
    "新建用户、重置口令等其他设置口令的途径是否同样要求；"
    "未登记用户列表（app.users）的，口令是否定期更换，须人工核查"
)


class ComplexityParams(Params):
    """Length in characters and number of character classes that a password must have."""

    password_min_length: int
    password_classes: int


@check("identity.password_complexity")
def host_demands_complex_passwords(
    pam: HostPam, packages: HostPackages | None, params: ComplexityParams
) -> Judgement:
    """Judge that the password stack refuses what is too short or has too few classes.

    Judged is what is in effect: the module must exist and be able to fail the stack, and its own
    arguments go before pwquality.conf.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    rules = pam.stack("passwd", "password")
    rule = next((one for one in rules or () if one.module in QUALITY_MODULES), None)
    if rules is None or rule is None:
        return _without(rules)
    settings = _settings(rule, pam.pwquality, _defaults(rule.module, packages))
    length, classes = (None, None) if settings is None else (_length(settings), _classes(settings))
    criteria = (
        _effective(rules, rule, lenient=settings is not None and settings["enforcing"] == 0),
        _at_least("length", "口令最小长度", length, params.password_min_length, "位"),
        _at_least("classes", "口令至少包含的字符类别", classes, params.password_classes, "类"),
    )
    root = "对 root 同样强制" if _enforced_for_root(rule, pam) else "未对 root 强制（enforce_for_root 未设）"
    return Judgement(criteria=criteria, statement=f"经核查，{told(criteria)}；{root}；{_history(rules)}。")


def _history(rules: tuple[PamRule, ...]) -> str:
    """Return how many old passwords may not come again, which only informs."""
    for rule in rules:
        texts = dict(arg.split("=", 1) for arg in rule.args if "=" in arg)
        if rule.module == "pam_pwhistory.so" and rule.present is not False:
            return f"不得重复使用最近 {texts.get('remember', '10（模块默认）')} 次口令（{rule.module}）"
        if (
            rule.module == "pam_unix.so"
            and texts.get("remember", "0").isdecimal()
            and int(texts.get("remember", "0"))
        ):
            return f"不得重复使用最近 {texts['remember']} 次口令（{rule.module}）"
    return "未限制重复使用旧口令"


def _without(rules: tuple[PamRule, ...] | None) -> Judgement:
    other = listing(strangers(rules or ()))
    unclear = rules is None or bool(other)
    what = f"由 {other} 检查口令，其设置须人工核查" if other else "未能确认修改口令时的检查模块"
    criterion = ask(
        "loaded",
        "是否加载口令复杂度检查模块",
        None if unclear else False,
        what if unclear else "修改口令时未加载口令复杂度检查模块（pam_pwquality、pam_cracklib）",
        PAM,
        decisive=True,
    )
    return Judgement(criteria=(criterion,), statement=f"经核查，{criterion.measured}。")


def _effective(rules: tuple[PamRule, ...], rule: PamRule, *, lenient: bool) -> Criterion:
    """Return whether the stack fails when the quality module refuses; a lenient one only warns."""
    passes = None if rule.present is None else succeeds(rules, {rule.module: "authtok_err"})
    met = False if rule.present is False or lenient else None if passes is None else not passes
    what = {True: "已加载并生效", False: "已配置但不生效", None: "已配置，是否生效未能确认"}[met]
    if rule.present is False:
        what = "已配置但模块文件不存在"
    elif lenient:
        what = "仅提示、不拒绝（enforcing 为 0）"
    return ask(
        "loaded",
        "口令复杂度检查模块是否生效",
        met,
        f"口令复杂度模块 {rule.module} {what}（{rule.file} 第 {rule.line} 行）",
        PAM,
        decisive=True,
    )


def _defaults(module: str, packages: HostPackages | None) -> Mapping[str, int]:
    """Return what the module takes where nobody sets anything; libpwquality gave credits before 1.4."""
    for one in packages.packages if packages is not None else ():
        version = re.match(r"(?:\d+:)?(\d+)\.(\d+)", one.version)
        if module == "pam_pwquality.so" and one.name.split(":")[0] in _LIBRARY and version:
            old = (int(version[1]), int(version[2])) < _NO_CREDITS_SINCE
            return _DEFAULTS["pam_cracklib.so" if old else module]
    return _DEFAULTS[module]


def _settings(
    rule: PamRule, file: Mapping[str, str] | None, defaults: Mapping[str, int]
) -> dict[str, int] | None:
    """Return the numbers in effect, None where pwquality.conf could not be read."""
    if file is None and rule.module == "pam_pwquality.so":
        return None
    texts = dict(file or {}) if rule.module == "pam_pwquality.so" else {}
    texts.update({arg.partition("=")[0]: arg.partition("=")[2] for arg in rule.args if "=" in arg})
    found = {"minlen": defaults["minlen"], "minclass": defaults["minclass"], "enforcing": 1}
    found.update(dict.fromkeys(_CREDITS, defaults["credit"]))
    for key in found:
        text = texts.get(key, "").strip()
        if text.lstrip("-").isdecimal():
            found[key] = int(text)
    return found


def _length(settings: Mapping[str, int]) -> int:
    """Return the shortest password that passes: positive credits let others be shorter, never below 6."""
    return max(settings["minlen"] - sum(max(settings[one], 0) for one in _CREDITS), 6)


def _classes(settings: Mapping[str, int]) -> int:
    """Return how many of the four classes must be there."""
    return min(max(settings["minclass"], sum(settings[one] < 0 for one in _CREDITS)), 4)


def _at_least(name: str, title: str, value: int | None, wanted: int, unit: str) -> Criterion:
    seen = "未能确认" if value is None else f"{value} {unit}"
    return ask(
        name,
        f"{title}是否不少于 {wanted} {unit}",
        None if value is None else value >= wanted,
        f"{title} {seen}（要求不少于 {wanted} {unit}）",
        PAM,
    )


def _enforced_for_root(rule: PamRule, pam: HostPam) -> bool:
    return "enforce_for_root" in rule.args or "enforce_for_root" in (pam.pwquality or {})


@check("identity.password_complexity")
def database_demands_complex_passwords(
    asset: DatabaseAsset, policy: DatabasePolicy, params: ComplexityParams
) -> Judgement:
    """Judge that loaded modules refuse what is too short or has too few classes.

    What passwordcheck and cracklib ask for is compiled in; settings do not show it.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = db_policy.complexity(
        asset.platform, policy, params.password_min_length, params.password_classes
    )
    return Judgement(criteria=criteria, statement=databases.sentence(criteria))


@check("identity.password_complexity")
def windows_demands_complex_passwords(
    policy: WindowsPolicy,
    identity: WindowsIdentity,
    settings: WindowsSettings | None,
    params: ComplexityParams,
) -> Judgement:
    """Judge length and kinds of characters; the system itself never asks for more than three kinds.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = win_policy.complexity(
        policy, settings, identity, params.password_min_length, params.password_classes
    )
    return Judgement(criteria=criteria, statement=windows.sentence(criteria, win_policy.history(policy)))


@check("identity.password_complexity", half=WEB_LEFT)
def web_demands_complex_passwords(seen: WebPasswordChange, params: ComplexityParams) -> Judgement:
    """Judge by real changes of a test account's password that the server refuses weak ones.

    Refusals count only while some other new password is accepted by the same request.

    Source: GB/T 22239-2019 8.1.4.1 a).
    """
    criteria = web_passwords.complexity(seen, params.password_min_length, params.password_classes)
    told = "；".join(one.measured for one in criteria)
    return Judgement(
        criteria=criteria,
        statement=f"经测试验证，账户 {seen.account} 改密时{told}；{web_passwords.remarks(seen)}。",
        coverage=Coverage.PARTIAL,
        remainder=WEB_LEFT,
        proofs=web_passwords.change_proofs(seen),
    )
