"""The text of the QR code: nothing in it can be changed, and whatever is odd is refused."""

from __future__ import annotations

import pytest

from dengbao.errors import UsageError
from dengbao.packet.dsse import SigningKey, new_key
from dengbao.packet.qr import letters_of, marker, read_mark
from dengbao.packet.seal import Sealed

DIGEST = "0123456789abcdef" * 4
COUNTS = {"conform": 60, "partial": 3, "nonconform": 2, "not_applicable": 3}


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("key") / "seal")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return new_key(tmp_path_factory.mktemp("other") / "seal")


@pytest.mark.parametrize("number", ["宁医测〔2026〕001号", "a*b%2A c", "", "报告 第\n1号", "𠮷-1"])
def test_every_report_number_comes_back(number: str, signer: SigningKey) -> None:
    text = marker(number, COUNTS, signer)(DIGEST)
    mark = read_mark(text)
    assert (mark.number, mark.content_sha256) == (number, DIGEST)
    assert mark.counts == {"C": 60, "P": 3, "N": 2, "A": 3}
    assert mark.is_by(signer.public)
    assert text.count("*") == 5


def test_form_is_the_one_agreed_on(signer: SigningKey) -> None:
    text = marker("宁医测〔2026〕001号", COUNTS, signer)(DIGEST)
    short = signer.public.fingerprint[len("SHA256:") :][:16]
    assert text.startswith(f"DENGBAO1*宁医测〔2026〕001号*{DIGEST}*C60.P3.N2.A3*{short}*")
    assert marker("1", COUNTS)(DIGEST) == f"DENGBAO1*1*{DIGEST}*C60.P3.N2.A3**"


def test_what_is_not_judged_counts_as_other() -> None:
    assert letters_of({"conform": 1, "undetermined": 2, "awaiting_evidence": 3, "partial": 0}) == {
        "C": 1,
        "U": 5,
    }


def test_every_changed_character_is_found(signer: SigningKey) -> None:
    text = marker("NY-1", COUNTS, signer)(DIGEST)
    for place, one in enumerate(text):
        changed = f"{text[:place]}{'1' if one == '0' else '0'}{text[place + 1 :]}"
        try:
            mark = read_mark(changed)
        except UsageError:
            continue
        assert not mark.is_by(signer.public), f"character {place}"


def test_another_key_and_no_key_prove_nothing(signer: SigningKey, other: SigningKey) -> None:
    assert not read_mark(marker("1", COUNTS, other)(DIGEST)).is_by(signer.public)
    assert not read_mark(marker("1", COUNTS)(DIGEST)).is_by(signer.public)


@pytest.mark.parametrize(
    "text",
    [
        "", "hello", f"DENGBAO2*1*{DIGEST}*C1**", f"DENGBAO1*1*{DIGEST}*C1*", f"DENGBAO1*1*{DIGEST}*C1***",
        f"DENGBAO1*1*{DIGEST[1:]}*C1**", f"DENGBAO1*1*{DIGEST}*C01**", f"DENGBAO1*1*{DIGEST}*C1.**",
        f"DENGBAO1*1*{DIGEST}*C1**AAAA", f"DENGBAO1*1*{DIGEST}*C1*{'A' * 16}*", f"DENGBAO1*%ff*{DIGEST}*C1**",
        f"DENGBAO1*1*{DIGEST}*C1.C2**", f"DENGBAO1*1*{DIGEST}*C1*{'A' * 16}*ü", "*" * 3000,
    ],
)  # fmt: skip
def test_what_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="二维码"):
        read_mark(text)


def test_a_sealed_report_bears_a_code_that_its_key_signed(sealed: Sealed, key: SigningKey) -> None:
    mark = read_mark(sealed.seal.mark)
    assert mark.is_by(key.public)
    assert (mark.number, mark.content_sha256) == (sealed.seal.report_number, sealed.seal.content_sha256)
    assert mark.counts == letters_of(sealed.seal.counts)
