"""What each form prints: the engagement's words, boxes ticked from them, blanks where a hand writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..admission import Gate, Paper, PaperState
from ..model import Agreement, Contact, Engagement
from .plain import Plain
from .wording import APPLICATIONS

BOX: Final = "□"
TICKED: Final = "☑"
_STANDALONE: Final = "单机版"
_CLOUD: Final = "云药店"
_HAND_DATE: Final = "　　　　年　　月　　日"
_CONDITION: Final = {True: "满足", False: "不满足", None: "未确认"}

# What stands in the official forms where data go: a template given this must print the official text.
_PLACES: Final[dict[str, Plain]] = {
    "name": "XXXXXX", "code": "国家编码", "address": "XXXX 市 XXXX 县 XXXXXX (详细地址)",
    "contact": "", "phone": "",
}  # fmt: skip
_NOBODY: Final[dict[str, Plain]] = {
    "name": "", "vendor": "", "address": "", "contact": "", "phone": "", "test": "", "production": "",
}  # fmt: skip
_BOXES: Final = ("new", "change", "standalone", "cloud", "agreed", "refused")

BLANKS: Final[dict[str, dict[str, Plain]]] = {
    "commitment": {"institution": _NOBODY, "responsible": ""},
    "application": {
        "institution": _PLACES, "system": _NOBODY, "bureau": _NOBODY, "docking": _NOBODY, "warning": "",
        "box": {**dict.fromkeys(_BOXES, BOX), **{f"condition{one}": "" for one in range(1, 5)}},
        **{f"condition{one}": "" for one in range(1, 5)}, "deployment_note": "",
    },
    "feedback": {
        "institution": _PLACES, "system": _NOBODY, "box": dict.fromkeys(_BOXES, BOX), "deployment_note": "",
        "feedback": {"opinion": "", "date": "XXXX 年 XX 月 XX 日"},
    },
    "confidentiality": {"first": _NOBODY, "second": _NOBODY},
    "agreement": {"second": _NOBODY},
}  # fmt: skip


def commitment(engagement: Engagement) -> dict[str, Plain]:
    """Return the data of 附件一."""
    given = engagement.forms.responsible
    who = "　".join(one for one in (given.name, given.duty, given.phone) if one)
    return {"institution": {"name": engagement.institution.name}, "responsible": who}


def application(
    engagement: Engagement, gates: Sequence[Gate], papers: Sequence[Paper] = ()
) -> dict[str, Plain]:
    """Return the data of 附件二; `papers` are those to be handed in with it."""
    boxes = _boxes(engagement)
    boxes |= {f"condition{one.number}": TICKED if one.met else BOX for one in gates}
    docking = engagement.forms.docking_vendor
    marks: dict[str, Plain] = {f"condition{one.number}": _CONDITION[one.met] for one in gates}
    return {
        **_common(engagement), **marks, "box": boxes,
        "warning": "\n".join(filter(None, (warning(gates), paper_warning(papers)))),
        "bureau": _contact(engagement.parties.local_bureau.contact),
        "docking": {
            "name": docking.name, **_contact(docking.contact),
            "test": _joined(docking.test_environment), "production": _joined(docking.production_environment),
        },
    }  # fmt: skip


def feedback(engagement: Engagement, opinion: str = "") -> dict[str, Plain]:
    """Return the data of 附件四: result and date are the bureau's, by hand; `opinion` is a proposal."""
    return {
        **_common(engagement), "box": _boxes(engagement),
        "feedback": {"opinion": opinion, "date": _HAND_DATE},
    }  # fmt: skip


def confidentiality(engagement: Engagement, agreement: Agreement | None) -> dict[str, Plain]:
    """Return the data of 附件五; without an agreement 乙方 is left blank."""
    first, provider = engagement.institution, agreement or Agreement(provider="")
    return {
        "first": {"name": first.name, "address": first.address},
        "second": {"name": provider.provider, "address": provider.address},
    }


def tangshan(engagement: Engagement) -> dict[str, Plain]:
    """Return the data of 唐山's agreement."""
    own = engagement.institution
    return {"second": {"name": own.name, "address": own.address, "phone": own.contact.phone}}


def warning(gates: Iterable[Gate]) -> str:
    """Return what keeps the application from being handed in, nothing when all four are met."""
    unmet = [f"第 {one.number} 项不满足" for one in gates if one.met is False]
    unmet += [f"第 {one.number} 项未确认（{one.why}）" for one in gates if one.met is None]
    if not unmet:
        return ""
    return f"接入条件尚未全部满足：{'；'.join(unmet)}。有一项不满足不予批准，本表不得签章报送。"


def paper_warning(papers: Iterable[Paper]) -> str:
    """Return which papers cannot be handed in as they are, nothing where none is known to be so."""
    bad = [one for one in papers if one.state in (PaperState.EXPIRED, PaperState.INADEQUATE)]
    told = "；".join(f"{one.name}{one.state.zh}（{one.why}）" for one in bad)
    return f"申报材料须先补正：{told}。" if told else ""


def deployment_note(engagement: Engagement) -> str:
    """Return why neither box of 部署模式 is ticked, nothing where one is."""
    given = engagement.system.deployment
    if given in (_STANDALONE, _CLOUD):
        return ""
    said = f"本系统为“{given}”" if given else "本系统的部署模式未填"
    return f"部署模式原表只列单机版、云药店两项，{said}，两项均不勾选。"


def _common(engagement: Engagement) -> dict[str, Plain]:
    own, system = engagement.institution, engagement.system
    return {
        "institution": {
            "name": own.name, "code": own.code or "国家编码", "address": own.address, **_contact(own.contact)
        },
        "system": {
            "name": system.name, "vendor": system.vendor, **_contact(system.contact),
            "test": _joined(system.test_environment), "production": _joined(system.production_environment),
        },
        "deployment_note": deployment_note(engagement),
    }  # fmt: skip


def _boxes(engagement: Engagement) -> dict[str, Plain]:
    kind, deployment = APPLICATIONS.get(engagement.system.application), engagement.system.deployment
    ticked = {
        "new": kind == APPLICATIONS["new"],
        "change": kind == APPLICATIONS["change"],
        "standalone": deployment == _STANDALONE,
        "cloud": deployment == _CLOUD,
    }
    return {name: TICKED if ticked.get(name) else BOX for name in _BOXES}


def _contact(one: Contact) -> dict[str, Plain]:
    return {"contact": one.name, "phone": one.phone}


def _joined(parts: Iterable[str]) -> str:
    return "、".join(parts)
