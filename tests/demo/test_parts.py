"""Passwords, sealed columns, certificates and backups of the demo, one by one."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag

from dengbao import demo
from dengbao.demo import backups, passwords
from dengbao.demo.certificates import mint
from dengbao.demo.measures import AFTER, BEFORE
from dengbao.demo.store import Store
from dengbao.demo.vault import Vault
from dengbao.pii import StoredAs, classify


@pytest.mark.parametrize("slow", [True, False])
def test_stored_password_matches_only_itself(slow: bool) -> None:
    stored = passwords.store("Abc123#x", slow=slow)
    assert passwords.matches("Abc123#x", stored)
    assert not passwords.matches("Abc123#y", stored)
    assert "Abc123#x" not in stored


def test_slow_hash_is_salted_and_the_old_one_is_not() -> None:
    assert passwords.store("x", slow=True) != passwords.store("x", slow=True)
    assert passwords.store("x", slow=False) == "9dd4e461268c8034f5c8564e155c67a6"


@pytest.mark.parametrize(
    ("password", "part"),
    [("Ab1#", "8位"), ("abcdefg1#", "大写"), ("Abcdefgh1", "符号"), ("Zhang3#abc", "账户名")],
)
def test_password_that_breaks_a_rule_is_refused(password: str, part: str) -> None:
    assert part in passwords.complaint(password, "zhang3")


def test_random_password_keeps_the_rules() -> None:
    assert passwords.complaint(passwords.random_password(), "jiance01") == ""


def test_sealed_value_opens_only_in_its_column(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "keys" / "columns.key", encrypts=True)
    sealed = vault.seal("id_card", "11010519491231002X")
    assert "11010519491231002X" not in sealed
    assert vault.seal("id_card", "11010519491231002X") != sealed
    assert vault.open("id_card", sealed) == "11010519491231002X"
    assert classify(sealed, "id_card") is StoredAs.CIPHER_OR_HASH
    with pytest.raises(InvalidTag):
        vault.open("phone", sealed)


def test_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    key_file = tmp_path / "keys" / "columns.key"
    sealed = Vault(key_file, encrypts=True).seal("name", "赵甲子")
    assert Vault(key_file, encrypts=True).open("name", sealed) == "赵甲子"
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_vault_of_the_first_state_hides_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "columns.key", encrypts=False)
    assert vault.seal("name", "赵甲子") == vault.open("name", "赵甲子") == "赵甲子"
    assert not (tmp_path / "columns.key").exists()


def test_certificate_names_this_machine_and_is_minted_once(tmp_path: Path) -> None:
    paths = mint(tmp_path / "tls")
    first = paths.certificate.read_bytes()
    names = (
        x509.load_pem_x509_certificate(first)
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert mint(tmp_path / "tls").certificate.read_bytes() == first
    assert paths.key.stat().st_mode & 0o777 == 0o600


def test_backups_carry_the_age_and_damage_of_their_state(tmp_path: Path) -> None:
    store = Store(tmp_path / "his.db", BEFORE, Vault(tmp_path / "key", encrypts=False))
    store.create()
    now = 1_700_000_000.0
    old = backups.write(store.path, tmp_path / "backups", BEFORE, now_s=now)
    assert [now - one.stat().st_mtime for one in old] == [9 * 86400, 10 * 86400]
    with pytest.raises((EOFError, zlib.error)):
        gzip.decompress(old[0].read_bytes())
    assert gzip.decompress(old[1].read_bytes()).startswith(b"SQLite format 3\0")

    new = backups.write(store.path, tmp_path / "backups", replace(AFTER, backups_kept=3), now_s=now)
    assert sorted((tmp_path / "backups").iterdir()) == sorted(new)
    assert all(gzip.decompress(one.read_bytes()).startswith(b"SQLite format 3\0") for one in new)
    assert now - new[0].stat().st_mtime == 2 * 3600


def test_hospital_knows_nothing_of_the_toolkit_that_tests_it() -> None:
    folder = Path(demo.__file__).parent
    ours = {"child", "engagement", "evidence", "flow", "pictures"}
    for path in folder.glob("*.py"):
        if path.stem not in ours:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*from \.\.|^\s*(?:from|import) dengbao", text, re.MULTILINE), path.name
