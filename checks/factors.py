"""Which factors each way of logging in over SSH takes."""

from __future__ import annotations

from dataclasses import dataclass

from dengbao.probes.host.facts import HostPam, HostSshd, PamRule

from .pam import PASSWORD_MODULES, TOKEN_MODULES, succeeds

# Options that decide who may log in how; a Match block that sets one makes the rest of no account.
FACTOR_OPTIONS = (
    "authenticationmethods", "passwordauthentication", "pubkeyauthentication", "usepam",
    "kbdinteractiveauthentication", "challengeresponseauthentication",
)  # fmt: skip
_WORDS = {"password": "口令", "token": "动态口令或令牌", "key": "密钥（数字签名）", "ticket": "Kerberos 票据"}


@dataclass(frozen=True)
class Way:
    """One way in: the methods as sshd names them, and the factors they take; None where not known."""

    methods: str
    factors: frozenset[str] | None

    @property
    def words(self) -> str:
        """Return methods and factors for a statement."""
        if self.factors is None:
            return f"{self.methods}（要素未能确认）"
        return f"{self.methods}（{'＋'.join(_WORDS[one] for one in sorted(self.factors)) or '无'}）"


def ways(sshd: HostSshd, pam: HostPam) -> tuple[Way, ...]:
    """Return every way in that sshd offers."""
    text = sshd.value("authenticationmethods")
    chains = text.split() if text and text != "any" else _enabled(sshd)
    return tuple(_way(chain, sshd, pam) for chain in chains)


def _enabled(sshd: HostSshd) -> list[str]:
    options = (
        ("pubkeyauthentication", "publickey"), ("passwordauthentication", "password"),
        ("kbdinteractiveauthentication", "keyboard-interactive"),
        ("challengeresponseauthentication", "keyboard-interactive"),
        ("gssapiauthentication", "gssapi-with-mic"), ("hostbasedauthentication", "hostbased"),
    )  # fmt: skip
    return list(dict.fromkeys(name for option, name in options if sshd.value(option) == "yes"))


def _way(chain: str, sshd: HostSshd, pam: HostPam) -> Way:
    factors: set[str] = set()
    for method in chain.split(","):
        found = _factors(method.partition(":")[0], sshd, pam)
        if found is None:
            return Way(chain, None)
        factors |= found
    return Way(chain, frozenset(factors))


def _factors(method: str, sshd: HostSshd, pam: HostPam) -> frozenset[str] | None:
    if method == "publickey":
        return frozenset({"key"})
    if method == "gssapi-with-mic":
        return frozenset({"ticket"})
    if method in ("password", "keyboard-interactive"):
        return _asked_by_pam(pam) if sshd.value("usepam") == "yes" else frozenset({"password"})
    return frozenset() if method in ("none", "hostbased") else None


def _asked_by_pam(pam: HostPam) -> frozenset[str] | None:
    """Return the factors without which the sshd stack fails; what only some users need does not count."""
    rules = pam.stack("sshd", "auth")
    if rules is None:
        return None
    found = {
        factor
        for factor, modules in (("password", PASSWORD_MODULES), ("token", TOKEN_MODULES))
        if (answer := _needed(rules, modules)) is not None and answer
    }
    unclear = [_needed(rules, modules) for modules in (PASSWORD_MODULES, TOKEN_MODULES)]
    return None if None in unclear else frozenset(found)


def _needed(rules: tuple[PamRule, ...], modules: frozenset[str]) -> bool | None:
    present = [one for one in rules if one.module in modules]
    if not present or (modules is TOKEN_MODULES and any("nullok" in one.args for one in present)):
        return False
    passes = succeeds(rules, dict.fromkeys(modules, "auth_err"))
    return None if passes is None else not passes
