"""Real 国密 and ancient TLS servers, each run as a process of its own: `gm_peer.py MODE PORT FOLDER`.

`tlcp`: the dual-certificate protocol of GB/T 38636, spoken by Tongsuo. The wheel of tongsuopy exports
its C functions but no binding for them, so they are called through ctypes; it has wheels for Linux
x86-64 only. `sm_tls`: TLS 1.3 with TLS_SM4_GCM_SM3 (RFC 8998), spoken by the OpenSSL 4 that the wheels
of cryptography bring. `old`: SSLv3 and TLS 1.0 with RC4 and 3DES, spoken by tlslite-ng. `both`: standard
TLS 1.3 suites beside that of RFC 8998.
"""

from __future__ import annotations

import ctypes
import importlib.util
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PEM = 1
_CONNECTED_S = 5.0


def serve(port: int, talk: Callable[[socket.socket], None]) -> None:
    """Hand every client to `talk` in a thread of its own, for ever."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_attend, args=(client, talk), daemon=True).start()


def _attend(client: socket.socket, talk: Callable[[socket.socket], None]) -> None:
    with client, suppress(OSError):
        client.settimeout(_CONNECTED_S)
        talk(client)


def tongsuo() -> ctypes.CDLL:
    """Return the library inside tongsuopy, without importing the package."""
    spec = importlib.util.find_spec("tongsuopy")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    folder = Path(spec.submodule_search_locations[0]) / "backends"
    # pypa's repair tool puts what the library needs beside it, found by its own run path.
    lib = ctypes.CDLL(str(next(folder.glob("_tongsuo*.so"))))
    pointer, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    for name, result, arguments in (
        ("NTLS_server_method", pointer, ()),
        ("SSL_CTX_new", pointer, (pointer,)),
        ("SSL_CTX_enable_ntls", None, (pointer,)),
        ("SSL_CTX_use_sign_certificate_file", number, (pointer, text, number)),
        ("SSL_CTX_use_sign_PrivateKey_file", number, (pointer, text, number)),
        ("SSL_CTX_use_enc_certificate_file", number, (pointer, text, number)),
        ("SSL_CTX_use_enc_PrivateKey_file", number, (pointer, text, number)),
        ("SSL_new", pointer, (pointer,)),
        ("SSL_set_fd", number, (pointer, number)),
        ("SSL_accept", number, (pointer,)),
        ("SSL_shutdown", number, (pointer,)),
        ("SSL_free", None, (pointer,)),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def tlcp(port: int, folder: Path) -> None:
    """Speak TLCP with the signing and the encryption certificate of the folder."""
    lib = tongsuo()
    context = lib.SSL_CTX_new(lib.NTLS_server_method())
    lib.SSL_CTX_enable_ntls(context)
    for kind in ("sign", "enc"):
        cert, key = str(folder / f"{kind}.pem").encode(), str(folder / f"{kind}.key").encode()
        assert getattr(lib, f"SSL_CTX_use_{kind}_certificate_file")(context, cert, _PEM) == 1
        assert getattr(lib, f"SSL_CTX_use_{kind}_PrivateKey_file")(context, key, _PEM) == 1

    def talk(client: socket.socket) -> None:
        client.setblocking(True)
        session = lib.SSL_new(context)
        lib.SSL_set_fd(session, client.fileno())
        if lib.SSL_accept(session) == 1:
            lib.SSL_shutdown(session)
        lib.SSL_free(session)

    serve(port, talk)


def sm_tls(port: int, folder: Path, suites: bytes) -> None:
    """Speak TLS 1.3 with these suites and the SM2 certificate of the folder."""
    from OpenSSL import SSL  # noqa: PLC0415 - the other modes do without

    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(suites)
    context.use_certificate_file(str(folder / "sign.pem"))
    context.use_privatekey_file(str(folder / "sign.key"))

    def talk(client: socket.socket) -> None:
        client.setblocking(True)
        session = SSL.Connection(context, client)
        session.set_accept_state()
        with suppress(SSL.Error):
            session.do_handshake()
            session.shutdown()

    serve(port, talk)


def old(port: int, folder: Path) -> None:
    """Speak SSLv3 and TLS 1.0 with RC4 and 3DES alone."""
    from tlslite.api import (  # noqa: PLC0415
        BaseTLSException,
        HandshakeSettings,
        TLSConnection,
        X509CertChain,
        parsePEMKey,
    )

    chain = X509CertChain()
    text = (folder / "rsa.pem").read_text(encoding="ascii")
    chain.parsePemList(text)
    key = parsePEMKey(text, private=True)
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 0), (3, 1)
    settings.cipherNames = ["rc4", "3des"]
    settings.macNames = ["sha", "md5"]

    def talk(client: socket.socket) -> None:
        with suppress(BaseTLSException, ValueError, AssertionError):
            TLSConnection(client).handshakeServer(certChain=chain, privateKey=key, settings=settings)

    serve(port, talk)


def main() -> None:
    """Run one server until it is ended from outside."""
    mode, port, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if mode == "tlcp":
        tlcp(port, folder)
    elif mode in ("sm_tls", "both"):
        standard = b":TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384" if mode == "both" else b""
        sm_tls(port, folder, b"TLS_SM4_GCM_SM3" + standard)
    else:
        old(port, folder)


if __name__ == "__main__":
    main()
