"""Envelopes and keys: what other tools make of them, and what is refused."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from dengbao.errors import UsageError
from dengbao.packet.dsse import NotSigned, load_key, new_key, pae, public_key, sign, verify

PAYLOAD = '{"subject": "示范"}'.encode()


def test_the_encoding_is_that_of_the_specification() -> None:
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@pytest.mark.parametrize("passphrase", ["", "口令 with space"])
def test_keys_are_those_of_openssh(tmp_path: Path, passphrase: str) -> None:
    path = tmp_path / "keys" / "seal"
    made = new_key(path, passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(path.with_name("seal.pub"))], check=True, capture_output=True, text=True
    )
    assert made.public.fingerprint in shown.stdout
    again = load_key(path, passphrase)
    assert again.public.text == made.public.text == public_key(f"{made.public.text} someone@here\n").text
    with pytest.raises(UsageError, match="不覆盖"):
        new_key(path)


def test_a_key_of_ssh_keygen_signs(tmp_path: Path) -> None:
    path = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    key = load_key(path)
    assert verify(sign(PAYLOAD, key), key.public) == PAYLOAD


def test_openssl_verifies_what_we_sign(tmp_path: Path) -> None:
    key = new_key(tmp_path / "seal")
    envelope = json.loads(sign(PAYLOAD, key))
    assert sign(PAYLOAD, key) == sign(PAYLOAD, key)
    pem = key.public.key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "message").write_bytes(pae(envelope["payloadType"], base64.b64decode(envelope["payload"])))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message"]
    done = subprocess.run([*command, "-sigfile", "sig"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one | {"payload": base64.b64encode(PAYLOAD + b" ").decode()},
        lambda one: one | {"payloadType": "text/plain"},
        lambda one: one | {"signatures": []},
        lambda one: one | {"payload": "?"},
        lambda one: {"payload": one["payload"]},
    ],
)
def test_an_altered_envelope_is_not_signed(tmp_path: Path, change: object) -> None:
    key = new_key(tmp_path / "seal")
    assert callable(change)
    altered = json.dumps(change(json.loads(sign(PAYLOAD, key)))).encode()
    with pytest.raises(NotSigned):
        verify(altered, key.public)


def test_another_key_did_not_sign(tmp_path: Path) -> None:
    key, other = new_key(tmp_path / "one"), new_key(tmp_path / "two")
    with pytest.raises(NotSigned, match=other.public.fingerprint[:20].replace("+", "[+]")):
        verify(sign(PAYLOAD, key), other.public)


@pytest.mark.parametrize("given", ["wrong", ""])
def test_a_wrong_or_missing_passphrase_is_said(tmp_path: Path, given: str) -> None:
    new_key(tmp_path / "seal", "right")
    with pytest.raises(UsageError, match="口令"):
        load_key(tmp_path / "seal", given)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_kinds_of_keys_are_refused(tmp_path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(tmp_path / "id")], check=True)
    with pytest.raises(UsageError, match="Ed25519"):
        load_key(tmp_path / "id")
    with pytest.raises(UsageError, match="Ed25519"):
        public_key((tmp_path / "id.pub").read_text())


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"\x00\xff" * 100)
    with pytest.raises(UsageError, match="无法读取"):
        load_key(tmp_path / "junk")
    with pytest.raises(UsageError, match="dengbao key new"):
        load_key(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="公钥"):
        public_key("不是公钥")
