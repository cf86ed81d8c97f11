"""What was seen in a capture: flows, what they speak, and what lay open in them; no value is kept."""

from __future__ import annotations

from enum import StrEnum

from ..model.base import Value


class Speech(StrEnum):
    """What a flow speaks, told from its bytes and not from its port."""

    NOTHING = "nothing"  # no payload was captured
    TLS = "tls"
    TLCP = "tlcp"
    SSH = "ssh"
    HTTP = "http"
    HTTP2 = "http2"
    GRPC = "grpc"
    WEBSOCKET = "websocket"
    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    TDS = "tds"
    ORACLE = "oracle"
    REDIS = "redis"
    DICOM = "dicom"
    HL7 = "hl7"
    MAIL_OR_FTP = "mail_or_ftp"
    LDAP = "ldap"
    TELNET = "telnet"
    DNS = "dns"
    SYSLOG = "syslog"
    SNMP = "snmp"
    DTLS = "dtls"
    QUIC = "quic"
    TEXT = "text"  # readable, of no kind we know
    UNKNOWN = "unknown"
    HIGH_ENTROPY = "high_entropy"  # looks random: encrypted, compressed or neither; proves nothing

    @property
    def zh(self) -> str:
        """Return the Chinese words for it."""
        return _SPEECH_ZH.get(self, self.value.upper())


_SPEECH_ZH = {
    Speech.NOTHING: "无数据", Speech.HTTP: "HTTP 明文", Speech.HTTP2: "HTTP/2 明文",
    Speech.GRPC: "gRPC 明文", Speech.MYSQL: "MySQL",
    Speech.WEBSOCKET: "WebSocket 明文", Speech.POSTGRESQL: "PostgreSQL", Speech.ORACLE: "Oracle TNS",
    Speech.REDIS: "Redis", Speech.TDS: "SQL Server（TDS）",
    Speech.MAIL_OR_FTP: "邮件或 FTP", Speech.TELNET: "Telnet", Speech.SYSLOG: "syslog",
    Speech.TEXT: "可读文本", Speech.UNKNOWN: "未识别", Speech.HIGH_ENTROPY: "未识别的高熵数据（未证实加密）",
}  # fmt: skip


class Channel(StrEnum):
    """Whether what one flow carried was readable on the way."""

    ENCRYPTED = "encrypted"
    CLEAR = "clear"
    NOT_SEEN = "not_seen"
    CANNOT_TELL = "cannot_tell"

    @property
    def zh(self) -> str:
        """Return the Chinese words for it."""
        return _CHANNEL_ZH[self]


_CHANNEL_ZH = {
    Channel.ENCRYPTED: "加密",
    Channel.CLEAR: "明文",
    Channel.NOT_SEEN: "未见",
    Channel.CANNOT_TELL: "无法判断",
}


class Kind(StrEnum):
    """What kind of thing lay open."""

    PASSWORD = "password"  # noqa: S105  # the name of a kind
    PASSWORD_TRANSFORMED = "password_transformed"  # noqa: S105  # by the page; may be replayed
    TOKEN = "token"  # noqa: S105  # the name of a kind
    COOKIE = "cookie"
    ID_CARD = "id_card"
    PHONE = "phone"
    BANK_CARD = "bank_card"
    NAME = "name"
    MEDICAL = "medical"

    @property
    def zh(self) -> str:
        """Return the Chinese words for it."""
        return _KIND_ZH[self]


_KIND_ZH = {
    Kind.PASSWORD: "口令",
    Kind.PASSWORD_TRANSFORMED: "变换后的口令",
    Kind.TOKEN: "令牌",
    Kind.COOKIE: "会话 Cookie",
    Kind.ID_CARD: "公民身份号码",
    Kind.PHONE: "手机号码",
    Kind.BANK_CARD: "银行卡号",
    Kind.NAME: "姓名",
    Kind.MEDICAL: "医保接口字段",
}


class Finding(Value, kw_only=True):
    """Something readable in one flow: `count` values of one kind in one field, the first in `packet`.

    `where` is url, header, form, body, message, login or stream; `masked` shows the shape of the first value
    only; `count` is exact up to forty and a lower bound beyond.
    """

    kind: Kind
    where: str
    field: str
    packet: int
    from_client: bool
    masked: str
    count: int = 1


class Crypto(Value, kw_only=True):
    """What the handshake of a flow showed; `suite` is what the server chose, None if not seen."""

    version: str = ""
    server_name: str = ""
    suite: int | None = None
    null_suite: bool = False
    handshake_seen: bool = False
    cipher_bytes: int = 0
    clear_bytes: int = 0  # application data before the keys were changed, which no sound peer sends
    unread_bytes: int = 0


class Flow(Value, kw_only=True):
    """One connection or exchange of datagrams; times are nanoseconds since 1970.

    `lost_bytes` are not in the capture, `unseen_bytes` are there but were not decoded (packed, binary,
    pictures): neither counts as encrypted. `sampled_bytes` are those of large bodies full of
    findings that were looked at here and there only. `upgraded_from` was spoken in clear before TLS.
    """

    protocol: str
    client: str
    client_port: int
    server: str
    server_port: int
    beginning_seen: bool
    packets: int
    client_bytes: int
    server_bytes: int
    lost_bytes: int = 0
    unseen_bytes: int = 0
    first_packet: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    speaks: Speech = Speech.NOTHING
    sampled_bytes: int = 0
    upgraded_from: Speech | None = None
    crypto: Crypto | None = None
    channel: Channel = Channel.NOT_SEEN
    findings: tuple[Finding, ...] = ()
    findings_left_out: int = 0
