"""What the four parties say to a sealed report, as values; each bound to one packet."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from .base import Value
from .engagement import Engagement, Person
from .evidence import EvidenceFile


class PartyRole(StrEnum):
    """四方: whose stamp it is."""

    LOCAL_BUREAU = "local_bureau"
    PLATFORM_VENDOR = "platform_vendor"
    ACCESS_PARTY = "access_party"
    INSTITUTION = "institution"

    @property
    def zh(self) -> str:
        """Return the words of 附件三's page of stamps."""
        return {
            "local_bureau": "属地医保局",
            "platform_vendor": "医疗保障信息平台厂商",
            "access_party": "定点医药机构系统接入方",
            "institution": "定点医药机构",
        }[self.value]

    def name_in(self, engagement: Engagement) -> str:
        """Return what this party is called in an engagement."""
        parties = engagement.parties
        return {
            "local_bureau": parties.local_bureau.name,
            "platform_vendor": parties.platform_vendor.name,
            "access_party": parties.access_party.name,
            "institution": engagement.institution.name,
        }[self.value]


class SignatureTool(StrEnum):
    """The program that made a detached signature, and verifies it."""

    OPENSSL = "openssl"
    SSH_KEYGEN = "ssh-keygen"
    MINISIGN = "minisign"


class DetachedSignature(Value):
    """A signature over the line `<packet's digest>  <report number>` and a line feed.

    It proves that whoever holds the private key signed that packet; whose key it is must be told elsewhere.
    """

    tool: SignatureTool
    signature: EvidenceFile
    public_key: EvidenceFile


class Approval(Value):
    """盖章意见 of one party: who signed for it on which day, and the scan of the stamped page.

    `packet` is the digest of the packet it is bound to, `content_sha256` covers what its report prints.
    """

    id: str
    party: PartyRole
    by: Person
    on: date
    packet: str
    content_sha256: str
    report_number: str
    scan: EvidenceFile
    filed_at: datetime
    signature: DetachedSignature | None = None
