"""Follows one flow: what it speaks, when it changes to TLS, and what it shows in clear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .content import Ledger, Scanner
from .dialects import Dialect, Ldap, Mail, Redis, Telnet, snmp_community
from .findings import Channel, Kind, Speech
from .http import Http
from .http2 import Http2
from .patients import Dicom, Hl7
from .recognise import SAMPLE_BYTES, begins_tls, by_look, recognise, recognise_datagram
from .sql import Mysql, Oracle, Postgres
from .tds import Tds
from .tls import Records
from .unpacking import Purse

_MAX_PREFACE: Final = 64  # windows of one side that are asked what they speak; later ones are not
_MYSQL_SSL: Final = 0x0800
_DIALECT_BYTES: Final = 10 << 10  # at most two lines
_READABLE: Final = frozenset((
    Speech.HTTP, Speech.HTTP2, Speech.GRPC, Speech.WEBSOCKET, Speech.MYSQL, Speech.POSTGRESQL, Speech.TDS,
    Speech.ORACLE, Speech.REDIS, Speech.DICOM, Speech.HL7, Speech.MAIL_OR_FTP, Speech.LDAP, Speech.TELNET,
    Speech.DNS, Speech.SYSLOG, Speech.TEXT,
))  # fmt: skip
# Begin in clear and may go on encrypted, some in ways of their own: a greeting, a request for TLS or a login
# whose password is hidden is nothing in clear.
_NEGOTIATED: Final = frozenset((
    Speech.MYSQL, Speech.POSTGRESQL, Speech.MAIL_OR_FTP, Speech.LDAP, Speech.TDS, Speech.ORACLE,
))  # fmt: skip
_DIALECTS: Final[dict[Speech, Callable[[Ledger], Dialect]]] = {
    Speech.MAIL_OR_FTP: Mail, Speech.TELNET: Telnet, Speech.REDIS: Redis, Speech.LDAP: Ldap,
    Speech.POSTGRESQL: Postgres, Speech.MYSQL: Mysql, Speech.ORACLE: Oracle, Speech.HL7: Hl7,
    Speech.DICOM: Dicom, Speech.TDS: Tds,
}  # fmt: skip
_NAMED: Final = frozenset((Speech.HL7,))  # whose dialect looks at all there is, and names the fields


class Conversation:
    """Hears both sides of one TCP connection in the order in which they spoke."""

    def __init__(
        self, packet_at: Callable[[int, int], int], *, beginning: bool, purse: Purse | None = None
    ) -> None:
        self.ledger = Ledger(packet_at)
        self._purse = purse or Purse()
        self.speech: Speech | None = None
        self.upgraded_from: Speech | None = None
        self.records: Records | None = None
        self._http: Http | Http2 | None = None
        self._scanners: tuple[Scanner, Scanner] | None = None
        self._beginning = beginning
        self._rough = False
        self._asked = 0
        self._sample = b""
        self._dialect: Dialect | None = None
        self.ssh_ciphered = [False, False]
        self._clear_bytes = 0

    # ---- what is heard ---------------------------------------------------------------------------

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take the next bytes of one side."""
        if self.records is not None:
            self.records.data(side, data, at)
            return
        if self._asked < _MAX_PREFACE or self._http is not None:
            if self._becomes_tls(side, data, at):
                return
            if self.speech is None:
                self._recognise(side, data)
            self._asked += 1
        self._clear(side, data, at)

    def gap(self, side: int, size: int) -> None:
        """Learn that bytes of one side are not in the capture; a change to TLS may have been among them."""
        self._rough, self._asked = True, 0
        if self.records is not None:
            self.records.gap(side, size)
        elif self._http is not None:
            self._http.gap(side, size)
        elif self._scanners is not None:
            self._scanners[side].finish()
        if self._dialect is not None:
            self._dialect.gap(side)

    def finish(self) -> None:
        """Look through what was kept back."""
        if self._http is not None:
            self._http.finish()
        if self._dialect is not None:
            self._dialect.finish()
        for one in self._scanners or ():
            one.finish()

    def _recognise(self, side: int, data: bytes) -> None:
        self.speech = recognise(side, data)
        if self.speech is Speech.HTTP:
            self._http = Http(self.ledger, self._purse)
        elif self.speech is Speech.HTTP2:
            self._http = Http2(self.ledger, self._purse)
        elif self.speech in _DIALECTS:
            self._dialect = _DIALECTS[self.speech](self.ledger)

    def _becomes_tls(self, side: int, data: bytes, at: int) -> bool:
        begin = 0
        if self.speech is Speech.MYSQL and side == 0 and self._asked <= 2:
            begin = _after_mysql_request(data)
        elif self.speech is None and data[:8] == b"\0\0\0\x08\x04\xd2\x16\x2f" and len(data) > 8:
            self.speech, begin = Speech.POSTGRESQL, 8
            self._dialect = Postgres(self.ledger)
        rest = data[begin:]
        known = not self._rough and (self.speech is not None or self._beginning)
        if not rest or not begins_tls(rest, beginning=known):
            return False
        if self._http is not None and self._became != "connect":
            return False
        self.finish()
        self.upgraded_from = self.speech
        self.records = Records()
        self.speech = Speech.TLCP if rest[1:3] == b"\x01\x01" else Speech.TLS
        self.records.data(side, rest, at + begin)
        return True

    def _clear(self, side: int, data: bytes, at: int) -> None:
        if self.speech is Speech.SSH:
            # keys are exchanged in clear packets; only what follows NEWKEYS (21) is under cipher
            if b"\x00\x00\x00\x0c\x0a\x15" in data or self.ssh_ciphered[side]:
                self.ssh_ciphered[side] = True
            return
        self._clear_bytes += len(data)
        if self._http is not None:
            self._http.data(side, data, at)
            return
        if len(self._sample) < SAMPLE_BYTES:
            self._sample += data[: SAMPLE_BYTES - len(self._sample)]
        if self._dialect is not None:
            self._dialect.hear(side, data, at)
        if self.speech in _NAMED:
            return
        if self._scanners is None:
            pairs = self.speech is not Speech.TELNET  # where `Password:` is followed by anything
            client, server = (Scanner(self.ledger, one, "stream", pairs=pairs) for one in (0, 1))
            self._scanners = client, server
        self._scanners[side].feed(data, at)

    @property
    def _works(self) -> bool:
        """Tell whether a protocol that may change to TLS did more in clear than to negotiate."""
        return self._dialect is not None and self._dialect.works

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        kept = 2048 + len(self._sample) + (_DIALECT_BYTES if self._dialect is not None else 0)
        kept += self.ledger.weight
        kept += sum(one.weight for one in self._scanners or ())
        kept += self._http.weight if self._http is not None else 0
        return kept + (self.records.weight if self.records is not None else 0)

    # ---- what is said of it ----------------------------------------------------------------------

    @property
    def _became(self) -> str:
        """Return what HTTP was upgraded to."""
        return self._http.upgraded if isinstance(self._http, Http) else ""

    @property
    def speaks(self) -> Speech:
        """Return what the flow speaks as far as was seen."""
        if self.records is not None and self.records.is_tlcp:
            return Speech.TLCP
        http = self._http
        if http is not None and self.records is None:
            after = http.after if isinstance(http, Http) else http
            if isinstance(after, Http2):
                return Speech.GRPC if after.is_grpc else Speech.HTTP2
            if self._became == "websocket":
                return Speech.WEBSOCKET
        return self.speech or by_look(self._sample)

    @property
    def unseen(self) -> int:
        """Return how many bytes lay there without being decoded."""
        return self._http.unseen if self._http is not None else 0

    @property
    def channel(self) -> Channel:
        """Return whether the flow was readable; encrypted only where handshake and cipher text were seen."""
        if self.records is not None:
            return Channel.CLEAR if self._works else _of_records(self.records)
        if self.speech is Speech.SSH:
            return Channel.ENCRYPTED if all(self.ssh_ciphered) else Channel.CANNOT_TELL
        if self.ledger.findings():
            return Channel.CLEAR
        if self._became == "connect":
            return Channel.CANNOT_TELL
        return self._of_speech()

    def _of_speech(self) -> Channel:
        speaks = self.speaks
        if speaks is Speech.NOTHING:
            return Channel.CANNOT_TELL if self._rough else Channel.NOT_SEEN  # what was said may be lost
        hides = speaks in _NEGOTIATED and not self._works
        return Channel.CLEAR if speaks in _READABLE and not hides else Channel.CANNOT_TELL


def _of_records(records: Records) -> Channel:
    seen = records.crypto()
    if seen.clear_bytes or (seen.null_suite and seen.cipher_bytes):
        return Channel.CLEAR
    if not seen.handshake_seen or records.broken or seen.null_suite:
        return Channel.CANNOT_TELL
    if records.carried:
        return Channel.ENCRYPTED
    return Channel.NOT_SEEN if records.is_idle else Channel.CANNOT_TELL


def _after_mysql_request(data: bytes) -> int:
    """Return how long the SSLRequest at the beginning is, 0 if there is none."""
    asks = len(data) >= 8 and data[3] == 1 and int.from_bytes(data[4:6], "little") & _MYSQL_SSL
    return 36 if asks and data[:3] == b"\x20\0\0" else 0


class Datagrams:
    """Hears the datagrams of one pair of endpoints."""

    def __init__(self, packet_at: Callable[[int, int], int], port: int) -> None:
        self.ledger = Ledger(packet_at)
        self._port = port
        self._speech = Speech.NOTHING
        self._last = b""

    def data(self, side: int, data: bytes, at: int) -> None:
        """Take one datagram."""
        if self._speech in {Speech.NOTHING, Speech.UNKNOWN}:
            self._speech = recognise_datagram(data, self._port)
        if self._speech in {Speech.DTLS, Speech.QUIC}:
            return
        if self._speech is Speech.SNMP:
            community = snmp_community(data)
            if community:
                self.ledger.add(Kind.PASSWORD, "login", "SNMP community", side, at, community)
        scanner = Scanner(self.ledger, side, "stream")
        scanner.feed(data, at)
        scanner.finish()

    def gap(self, side: int, size: int) -> None:
        """Datagrams have no gaps."""

    def finish(self) -> None:
        """Nothing is kept back."""

    @property
    def weight(self) -> int:
        """Return about how many bytes are kept."""
        return 1024 + self.ledger.weight

    @property
    def speaks(self) -> Speech:
        """Return what the first datagrams look like."""
        return self._speech

    @property
    def channel(self) -> Channel:
        """Return whether the datagrams were readable; their handshakes are not followed."""
        if self.ledger.findings():
            return Channel.CLEAR
        if self._speech is Speech.NOTHING:
            return Channel.NOT_SEEN
        return Channel.CLEAR if self._speech in _READABLE else Channel.CANNOT_TELL
