"""What host checks share: which accounts a person can use, and criteria that several of them ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.host.facts import (
    FileMode,
    HostAccount,
    HostAccounts,
    HostPassword,
    HostPasswords,
    HostSshd,
    Line,
)

from .wording import listing

ACCOUNTS = "host.accounts"
PASSWORDS = "host.passwords"
PAM = "host.pam"
SSHD = "host.sshd"
POLICY = "host.policy"
# Where distributions begin to number people unless login.defs says otherwise, and the numbers of nobody.
_FIRST_USER_UID: Final = 1000
_NOBODY_UIDS: Final = frozenset({65534, 65535, 4294967294})
_GUESTS: Final = frozenset({"guest", "anonymous", "ftp", "games", "nobody"})


@dataclass(frozen=True)
class Seat:
    """An account with a usable shell, and its password state."""

    account: HostAccount
    password: HostPassword

    @property
    def name(self) -> str:
        """Return the account's name."""
        return self.account.name

    def expired(self, today_day: int) -> bool:
        """Tell whether the account's own end date has passed."""
        return self.password.expires_day is not None and 0 <= self.password.expires_day <= today_day

    @property
    def enterable(self) -> bool | None:
        """Tell whether a password or a key lets a person in; None where keys could not be seen."""
        if self.password.state in ("set", "empty"):
            return True
        return self.account.authorized_keys


def ask(
    name: str, question: str, met: bool | None, measured: str, fact: str, *, decisive: bool = False
) -> Criterion:
    """Return a criterion; the arguments are its fields in order."""
    return Criterion(name=name, question=question, met=met, measured=measured, fact=fact, decisive=decisive)


def seats(accounts: HostAccounts, passwords: HostPasswords) -> tuple[Seat, ...]:
    """Return the accounts whose shell admits a person."""
    states = {one.account: one for one in reversed(passwords.entries)}
    return tuple(
        Seat(one, states.get(one.name, HostPassword(account=one.name, state="none")))
        for one in accounts.accounts
        if one.can_log_in
    )


def local_only(accounts: HostAccounts) -> tuple[Criterion, ...]:
    """Return an open criterion where accounts come from elsewhere too, or were not readable; else none."""
    if accounts.malformed_lines:
        seen = f"/etc/passwd 另有 {accounts.malformed_lines} 行无法识别，其账户未核查"
        return (ask("readable", "账户列表是否完整可读", None, seen, ACCOUNTS),)
    if accounts.directories == ():
        return ()
    outside = listing(accounts.directories or ())
    seen = f"另有账户来源 {outside}，其账户未核查" if outside else "账户来源未能确认"
    return (ask("local_only", "账户是否均为本机账户", None, seen, ACCOUNTS),)


def told(criteria: Iterable[Criterion]) -> str:
    """Return what was measured, criterion by criterion, as one sentence."""
    return "；".join(one.measured for one in criteria if one.measured)


def no_default_seats(
    accounts: HostAccounts, passwords: HostPasswords, question: str, what: str, *, decisive: bool
) -> Criterion:
    """Return whether no system or guest account, root apart, can be entered by password or key."""
    found = [
        one
        for one in seats(accounts, passwords)
        if one.enterable is not False
        and not one.expired(passwords.today_day)
        and is_default(one.account, accounts)
    ]
    entered = [one.name for one in found if one.enterable]
    unclear = [one.name for one in found if not one.enterable]
    seen = f"可登录的{what}：{listing(entered) or '无'}"
    if unclear:
        seen += f"；口令已锁定、是否有密钥未能查看的：{listing(unclear)}"
    return ask(
        "defaults",
        question,
        False if entered else None if unclear else True,
        seen,
        ACCOUNTS,
        decisive=decisive,
    )


def is_default(account: HostAccount, accounts: HostAccounts) -> bool:
    """Tell whether the system brought the account: by its number, or as a guest; root is another matter."""
    first = accounts.first_user_uid or _FIRST_USER_UID
    return 0 < account.uid < first or account.uid in _NOBODY_UIDS or account.name in _GUESTS


def match_blocks(sshd: HostSshd, *options: str) -> tuple[str, ...] | None:
    """Return conditions of Match blocks that set one of the options, None if the files were not seen."""
    if sshd.matches is None:
        return None
    return tuple(
        one.condition for one in sshd.matches if any(text.split(" ", 1)[0] in options for text in one.options)
    )


def unless_matched(met: bool, sshd: HostSshd, *options: str) -> bool | None:
    """Return `met`, or None where a good answer may not be in force.

    A Match block or an unseen file may set it aside; a file changed after the start is not loaded yet.
    """
    return None if met and (sshd.changed_after_start or match_blocks(sshd, *options) != ()) else met


def under_match(
    sshd: HostSshd, good: Callable[[HostSshd], bool | None], *options: str, user: str = ""
) -> tuple[bool | None, str]:
    """Return whether `good` holds for every login that Match blocks tell apart, and a remark on that.

    What counts is what sshd answers for the login, not what the block says: one that sets an option for an
    account which it does not concern (`PermitRootLogin` for others than root) changes nothing. With `user`
    only that user's logins are asked about.
    """
    base = good(sshd)
    blocks = match_blocks(sshd, *options)
    if not blocks or sshd.changed_after_start or not sshd.cases:
        return unless_matched(base, sshd, *options) if base else base, match_note(sshd, *options)
    views = [(one, sshd.in_case(one)) for one in sshd.cases if user in ("", one.user)]
    if not user:  # how root could log in does not matter where he may not
        views = [(one, view) for one, view in views if not _root_refused(one.user, view)]
    answers = {f"{one.user} 自{one.whence}": good(view) for one, view in views}
    bad = [login for login, answer in answers.items() if answer is False]
    if bad:
        return False, f"（按 Match 条件逐一核查，{listing(bad, 3)}登录时不满足）"
    if not sshd.cases_whole or not views:
        if base is False and views:  # what holds without conditions was met in none of these logins
            return None, match_note(sshd, *options)
        return unless_matched(base, sshd, *options) if base else base, match_note(sshd, *options)
    met = None if None in answers.values() else True
    return met, f"（Match {listing(blocks, 3)} 条件下共 {len(views)} 种登录情形已逐一核查）"


def _root_refused(user: str, view: HostSshd) -> bool:
    return user == "root" and view.value("permitrootlogin") == "no"


def uses_pam(sshd: HostSshd) -> Criterion:
    """Return whether logins over SSH go through PAM, without which its lockout does not reach them."""
    value = sshd.value("usepam")
    return ask(
        "usepam",
        "SSH 登录是否经过 PAM",
        unless_matched(value == "yes", sshd, "usepam") if value else None,
        f"sshd UsePAM 为 {value or '未知'}" + match_note(sshd, "usepam"),
        SSHD,
        decisive=True,
    )


def match_note(sshd: HostSshd, *options: str) -> str:
    """Return a remark on what keeps a good answer open, empty if nothing does."""
    if sshd.changed_after_start:
        return "（sshd 配置在其启动后有改动，尚未重新加载）"
    found = match_blocks(sshd, *options)
    if found is None:
        return "（sshd 使用的配置文件未能全部查看）"
    return f"（另有 Match {listing(found)} 条件下的设置，未能核查）" if found else ""


def place(line: Line) -> str:
    """Return file and number of a line; what a program does where nothing is written has no number."""
    return f"{line.file} 第 {line.number} 行" if line.number else line.file


def wider_than(one: FileMode, allowed: int) -> bool:
    """Tell whether the mode grants any bit that `allowed` does not."""
    return bool(int(one.mode, 8) & 0o777 & ~allowed)


def modes(files: Iterable[FileMode]) -> str:
    """Return paths with modes and owners for a statement."""
    return listing(f"{one.path}（{one.mode.zfill(3)} {one.owner}:{one.group}）" for one in files)
