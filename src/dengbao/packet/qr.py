"""The text of the QR code on the 签章页: what a scan of the stamped page tells, and who vouches for it.

    DENGBAO1*report number*content_sha256*counts*key*signature

`counts` is such as `C60.P3.N2.A3`; `key` is the first 16 characters of the sealing key's fingerprint after
`SHA256:`; the signature (Ed25519, base64url without padding) is over all that stands before the last `*`.
Key and signature are empty where nothing is sealed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from ..errors import UsageError
from ..model import SuiteResult, Verdict

if TYPE_CHECKING:  # drafts need no cryptography
    from .dsse import PublicKey, SigningKey

FORMAT: Final = "DENGBAO1"
KEY_CHARACTERS: Final = 16
_LETTERS: Final = {
    Verdict.CONFORM.value: "C", Verdict.PARTIAL.value: "P", Verdict.NONCONFORM.value: "N",
    Verdict.NOT_APPLICABLE.value: "A",
}  # fmt: skip
_OTHER: Final = "U"
_COUNTS: Final = re.compile(r"(?:[CPNAU](?:0|[1-9]\d{0,4})(?:\.(?!$)|$))*")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEY: Final = re.compile(rf"(?:[A-Za-z0-9+/]{{{KEY_CHARACTERS}}})?")
_MAX_CHARACTERS: Final = 2000


@dataclass(frozen=True)
class Mark:
    """What the QR code says; `counts` has letters C, P, N, A, U → how many of the 68 items.

    `key` is the shortened fingerprint; it and `signature` are empty in what is not sealed.
    """

    number: str
    content_sha256: str
    counts: Mapping[str, int]
    key: str = ""
    signature: bytes = b""

    @property
    def signed_text(self) -> str:
        """Return what the signature is over."""
        told = ".".join(f"{letter}{count}" for letter, count in self.counts.items())
        return "*".join((FORMAT, _escaped(self.number), self.content_sha256, told, self.key))

    @property
    def text(self) -> str:
        """Return what the QR code holds."""
        signature = base64.urlsafe_b64encode(self.signature).decode().rstrip("=")
        return f"{self.signed_text}*{signature}"

    def is_by(self, key: PublicKey) -> bool:
        """Tell whether this key signed the mark."""
        if not self.signature or self.key != short_key(key.fingerprint):
            return False
        return key.verifies(self.signature, self.signed_text.encode())


def short_key(fingerprint: str) -> str:
    """Return as much of a fingerprint as the code has room for."""
    return fingerprint.removeprefix("SHA256:")[:KEY_CHARACTERS]


def counts_of(result: SuiteResult) -> dict[str, int]:
    """Return how many of the 68 items have each verdict or, without one, each status."""
    items = [item for clause in result.clauses for item in clause.items]
    return dict(sorted(Counter((one.verdict or one.status).value for one in items).items()))


def letters_of(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts of `Verdict` and `Status` values as letters, none of them zero, in the code's order."""
    found: Counter[str] = Counter()
    for name, count in counts.items():
        found[_LETTERS.get(name, _OTHER)] += count
    return {letter: found[letter] for letter in (*_LETTERS.values(), _OTHER) if found[letter]}


def marker(number: str, counts: Mapping[str, int], key: SigningKey | None = None) -> Callable[[str], str]:
    """Return what makes the QR code's text once the digest of the report's content is known.

    `counts` has `Verdict` and `Status` values → how many; without a key the mark is unsigned.
    """

    def made(content_sha256: str) -> str:
        mark = Mark(number, content_sha256, letters_of(counts))
        if key is not None:
            mark = replace(mark, key=short_key(key.public.fingerprint))
            mark = replace(mark, signature=key.private.sign(mark.signed_text.encode()))
        return mark.text

    return made


def read_mark(text: str) -> Mark:
    """Return what a QR code's text says; nothing is verified but its form.

    Raises:
        UsageError: not a code of this tool, or damaged.

    """
    parts = text.strip().split("*")
    if len(text) > _MAX_CHARACTERS or len(parts) != 6 or parts[0] != FORMAT:
        raise UsageError("不是测试报告签章页的二维码", cure="扫描签章页下方的二维码")
    _, number, content, counts, key, signature = parts
    if not (_DIGEST.fullmatch(content) and _COUNTS.fullmatch(counts) and _KEY.fullmatch(key)):
        raise _damaged()
    told = {one[0]: int(one[1:]) for one in counts.split(".") if one}
    try:
        mark = Mark(
            unquote(number, errors="strict"), content, told, key,
            base64.b64decode(signature + "=" * (-len(signature) % 4), altchars=b"-_", validate=True),
        )  # fmt: skip
    except (binascii.Error, ValueError) as exc:
        raise _damaged() from exc
    if mark.text != text.strip() or bool(mark.key) != bool(mark.signature):
        raise _damaged()
    return mark


def _damaged() -> UsageError:
    return UsageError("签章页二维码的内容已损坏", cure="重新扫描，分辨率不低于 300 dpi")


def _escaped(number: str) -> str:
    """Return a report number without `*`, `%`, spaces and control characters; Chinese stays legible."""
    return "".join(one if one.isalnum() or one in "-_.〔〕（）()【】[]号/" else quote(one) for one in number)
