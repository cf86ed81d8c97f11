"""Signs and verifies statements: DSSE envelopes (in-toto) with Ed25519; keys in OpenSSH's own forms.

A key proves that the holder of it sealed these bytes and that nothing changed since; it is no 电子签名 in the
sense of the law, which is what the papers say of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ..errors import UsageError
from ..files import write_whole

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_MAX_KEY_BYTES: Final = 64 * 1024


class SignatureLine(msgspec.Struct, frozen=True, kw_only=True):
    """One signature of an envelope; `keyid` is only a hint, as the specification says."""

    keyid: str
    sig: str


class Envelope(msgspec.Struct, frozen=True, kw_only=True, rename={"payload_type": "payloadType"}):
    """A DSSE envelope as it lies on disk; unknown keys are allowed by its specification."""

    payload_type: str
    payload: str
    signatures: tuple[SignatureLine, ...]


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key; `fingerprint` is what `ssh-keygen -l` shows, `text` its OpenSSH line."""

    key: Ed25519PublicKey
    text: str
    fingerprint: str

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether the signature over the message was made with this key."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key, with its public half."""

    private: Ed25519PrivateKey
    public: PublicKey


def public_key(text: str) -> PublicKey:
    """Return the key of an OpenSSH line such as `ssh-ed25519 AAAA… comment`.

    Raises:
        UsageError: not an Ed25519 public key.

    """
    try:
        found = serialization.load_ssh_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise UsageError("不是 OpenSSH 格式的公钥", cure="应为一行 ssh-ed25519 AAAA…") from exc
    if not isinstance(found, Ed25519PublicKey):
        raise UsageError("不是 Ed25519 公钥", cure="用 dengbao key new 或 ssh-keygen -t ed25519 生成")
    return _public(found)


def _public(key: Ed25519PublicKey) -> PublicKey:
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(line.split()[1])).digest()
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return PublicKey(key, line.decode(), fingerprint)


def new_key(path: Path, passphrase: str = "") -> SigningKey:
    """Write a new key pair: `path` (mode 0600) and `path.pub`.

    Raises:
        UsageError: a file lies there already.

    """
    if path.exists():
        raise UsageError("此处已有密钥，不覆盖", where=str(path), cure="换一个文件名，或先移走原密钥")
    private = Ed25519PrivateKey.generate()
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        lock = serialization.BestAvailableEncryption(passphrase.encode())
    data = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption_algorithm=lock
    )
    public = _public(private.public_key())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(data)  # not renamed into place: the file must never exist with another mode
    write_whole(path.with_name(path.name + ".pub"), f"{public.text}\n".encode())
    return SigningKey(private, public)


class PassphraseWanted(UsageError):
    """A key has a passphrase and none was given, or has none and one was."""


def load_key(path: Path, passphrase: str = "") -> SigningKey:
    """Return the private key of a file in OpenSSH's or PKCS #8 form.

    Raises:
        PassphraseWanted: the passphrase is missing, or one too many.
        UsageError: not readable, not Ed25519, or the passphrase is wrong.

    """
    try:
        data = path.read_bytes()[:_MAX_KEY_BYTES]
    except OSError as exc:
        raise UsageError(
            f"无法读取密钥：{exc.strerror}", where=str(path), cure="用 --key 指明，或先执行 dengbao key new"
        ) from exc
    secret = passphrase.encode() or None
    load = (
        serialization.load_ssh_private_key if b"BEGIN OPENSSH" in data else serialization.load_pem_private_key
    )
    try:
        found = load(data, secret)
    except TypeError as exc:  # how the library says that a passphrase is needed, or one too many
        raise PassphraseWanted("密钥的口令缺失或多余", where=str(path), cure="按提示输入密钥口令") from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise UsageError("密钥无法读取，或口令不对", where=str(path), cure="核对文件与口令") from exc
    if not isinstance(found, Ed25519PrivateKey):
        raise UsageError("不是 Ed25519 密钥", where=str(path), cure="用 dengbao key new 生成")
    return SigningKey(found, _public(found.public_key()))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: DSSE's pre-authentication encoding."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, key: SigningKey, *, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the envelope as JSON; the same payload and key give the same bytes."""
    signature = key.private.sign(pae(payload_type, payload))
    envelope = Envelope(
        payload_type=payload_type,
        payload=base64.b64encode(payload).decode(),
        signatures=(SignatureLine(keyid=key.public.fingerprint, sig=base64.b64encode(signature).decode()),),
    )
    return msgspec.json.format(msgspec.json.encode(envelope), indent=1) + b"\n"


class NotSigned(UsageError):
    """An envelope is damaged, or none of its signatures is by the key."""

    exit_code = 4


def verify(data: bytes, key: PublicKey, *, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the payload of an envelope that this key signed.

    Raises:
        NotSigned: damaged, of another type, or not signed by the key.

    """
    try:
        envelope = msgspec.json.decode(data, type=Envelope)
        payload = base64.b64decode(envelope.payload, validate=True)
        signatures = [base64.b64decode(one.sig, validate=True) for one in envelope.signatures]
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as exc:
        raise NotSigned("签名文件已损坏，无法解析", cure="向封存人索取原件") from exc
    if envelope.payload_type != payload_type:
        raise NotSigned("签名文件不是本工具的封存声明", cure="向封存人索取原件")
    message = pae(envelope.payload_type, payload)
    if not any(key.verifies(one, message) for one in signatures):
        raise NotSigned(f"签名不是密钥 {key.fingerprint} 所作，或内容已被改动", cure="向封存人核对密钥指纹")
    return payload
