"""What the forms of a bureau ask for beyond the rest of an engagement; blank where nobody has said."""

from __future__ import annotations

from datetime import date

from .base import Value
from .people import Contact

NINGXIA = "ningxia-2023"
TANGSHAN = "tangshan"
EDITIONS = (NINGXIA, TANGSHAN)


class Condition(Value):
    """One of 附件二's 具备条件: `met` is None until somebody says; `evidence` holds ids of proofs."""

    met: bool | None = None
    evidence: tuple[str, ...] = ()


class AccessConditions(Value):
    """信息系统接入具备条件, in the order of 附件二: 读卡环境, 贯标, 页面展示, 接口改造."""

    card_reader: Condition = Condition()
    codes: Condition = Condition()
    code_pages: Condition = Condition()
    interfaces: Condition = Condition()

    def in_order(self) -> tuple[Condition, ...]:
        """Return the four as the form numbers them."""
        return (self.card_reader, self.codes, self.code_pages, self.interfaces)


class Responsible(Value):
    """安全责任人 of 附件一 第三项, whom the local bureau keeps on file."""

    name: str = ""
    duty: str = ""
    phone: str = ""


class DockingVendor(Value):
    """医保信息系统对接厂商: 附件二 part 5, which the bureau's side tells."""

    name: str = ""
    contact: Contact = Contact()
    test_environment: tuple[str, ...] = ()
    production_environment: tuple[str, ...] = ()


class Agreement(Value):
    """One 附件五: `provider` serves the institution and signs as 乙方."""

    provider: str
    address: str = ""


class Material(Value):
    """A paper handed in: a `file` of the engagement's folder, or an `evidence` id, or neither yet."""

    file: str = ""
    evidence: str = ""


class Certificate(Value):
    """等保测评证书 of the system: where it lies, its number, level, and the last day it is valid."""

    file: str = ""
    evidence: str = ""
    number: str = ""
    level: int | None = None
    valid_until: date | None = None


class Materials(Value):
    """申报材料 of 第二十条(一)."""

    certificate: Certificate = Certificate()
    topology: Material = Material()
    security_plan: Material = Material()
    commitment: Material = Material()
    application: Material = Material()


class Forms(Value):
    """All that only the forms ask for; `edition` says whose forms they are."""

    edition: str = NINGXIA
    access_conditions: AccessConditions = AccessConditions()
    responsible: Responsible = Responsible()
    docking_vendor: DockingVendor = DockingVendor()
    agreements: tuple[Agreement, ...] = ()
    materials: Materials = Materials()
