"""Which password hashes are strong."""

from __future__ import annotations

from collections import Counter
from typing import Final

from dengbao.model import Criterion
from dengbao.probes.host.facts import HostPasswords

from .hosts import PASSWORDS, ask
from .wording import listing

STRONG: Final = frozenset({"y", "gy", "7", "6", "5", "2a", "2b", "2y", "sm3", "argon2id", "argon2i"})
WEAK: Final = frozenset({"des", "1", "md5", "sha1", "3", "_"})
_WORDS: Final = {
    "y": "yescrypt", "gy": "gost-yescrypt", "7": "scrypt", "6": "SHA-512", "5": "SHA-256", "2a": "bcrypt",
    "2b": "bcrypt", "2y": "bcrypt", "sm3": "SM3", "des": "DES", "1": "MD5", "md5": "MD5", "3": "NTHASH",
    "unknown": "未知算法",
}  # fmt: skip


def stored_hashes(passwords: HostPasswords) -> Criterion:
    """Return whether every stored password hash is strong; those behind a lock are stored too."""
    found = Counter(one.scheme for one in passwords.entries if one.scheme)
    weak = [one.account for one in passwords.entries if one.scheme in WEAK]
    unknown = [one.account for one in passwords.entries if one.scheme and one.scheme not in WEAK | STRONG]
    met = False if weak else None if unknown else True
    seen = "、".join(f"{_WORDS.get(scheme, scheme)} {count} 个" for scheme, count in sorted(found.items()))
    text = f"口令以加盐散列存储（{seen}）" if found else "没有存储口令散列的账户"
    if weak:
        text = f"口令散列：{seen}，其中 {listing(weak)} 使用弱算法"
    elif unknown:
        text = f"口令散列：{seen}，{listing(unknown)} 的算法未能识别"
    return ask("hashes", "口令是否以安全的散列算法存储", met, text, PASSWORDS, decisive=True)
