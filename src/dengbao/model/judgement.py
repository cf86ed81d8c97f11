"""What was seen and what it means: facts, criteria, judgements, records."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..errors import Reason
from .base import Coverage, Status, Value, Verdict
from .suite import ParamValue


class Facts(Value, tag_field="fact"):
    """Base of what a probe returns: JSON-able, units in names, no opinion.

    A subclass names itself by `tag="host.accounts"`; `kind_of` returns that name.
    """


def kind_of(facts: type[Facts] | Facts) -> str:
    """Return the permanent name of a kind of facts, such as `host.accounts`."""
    return str(facts.__struct_config__.tag)


class Missing(Value):
    """Facts that could not be fetched: which, why, and in Chinese what to do."""

    fact: str
    reason: Reason
    message: str


class Raw(Value):
    """A stored transcript, named by its digest."""

    name: str
    sha256: str
    size_bytes: int


class Criterion(Value):
    """One thing a check asked.

    `met` is None where the facts do not tell. `decisive`: failing it alone makes 不符合.
    `fact` names the kind of facts that proves it; `measured` is Chinese and says what was seen.
    """

    name: str
    question: str
    met: bool | None
    measured: str
    fact: str
    decisive: bool = False


class Exchange(Value):
    """One exchange with an asset that a technician can repeat; no secret, no personal value in clear.

    `request` is what was sent (`GET /patients/7`), `answer` is Chinese and says what came back, `at` when,
    `role` whose account it was (empty: nobody was logged in).
    """

    request: str
    answer: str
    at: datetime | None = None
    role: str = ""


class Judgement(Value):
    """The answer of one check on one asset.

    The verdict is never given by hand: it is folded from the criteria. `applicable=False` needs
    at least one criterion that is met and proves that the item does not apply.
    `remainder` is Chinese and says what a person must still supply when coverage is partial.
    `proofs` are the exchanges by which a finding can be seen again, the most telling first.
    """

    criteria: tuple[Criterion, ...]
    statement: str
    coverage: Coverage = Coverage.FULL
    remainder: str = ""
    applicable: bool = True
    proofs: tuple[Exchange, ...] = ()

    def __post_init__(self) -> None:
        """Refuse judgements that prove nothing."""
        if not self.criteria:
            raise ValueError("a judgement needs at least one criterion")
        if not self.statement.strip():
            raise ValueError("a judgement needs a statement")
        if self.coverage is Coverage.PARTIAL and not self.remainder.strip():
            raise ValueError("partial coverage must say what a person has to supply")
        if not self.applicable and not all(one.met for one in self.criteria):
            raise ValueError("not applicable must be proven by criteria that are met")

    @property
    def verdict(self) -> Verdict | None:
        """Return the folded verdict, or None where the facts do not decide."""
        if not self.applicable:
            return Verdict.NOT_APPLICABLE
        if any(one.decisive and one.met is False for one in self.criteria):
            return Verdict.NONCONFORM
        answers = [one.met for one in self.criteria]
        if None in answers:
            return None
        if all(answers):
            return Verdict.CONFORM
        return Verdict.PARTIAL if any(answers) else Verdict.NONCONFORM

    @property
    def status(self) -> Status:
        """Return `JUDGED` where there is a verdict, else `UNDETERMINED`."""
        return Status.UNDETERMINED if self.verdict is None else Status.JUDGED


class Case(Value):
    """One row of a run: item × asset × check; `check` is empty for what only a person can answer."""

    item: str
    asset: str
    check: str = ""

    @property
    def id(self) -> str:
        """Return `item@asset/check`, the key of its record."""
        return f"{self.item}@{self.asset}/{self.check or 'by_hand'}"


class FactRef(Value):
    """Which stored facts a record rests on."""

    fact: str
    sha256: str


class Record(Value):
    """结果记录 of one case; written once, never changed."""

    case: str
    item: str
    asset: str
    check: str
    status: Status
    statement: str
    round: int
    suite: str
    suite_sha256: str
    tool_version: str
    judged_at: datetime
    verdict: Verdict | None = None
    reason: Reason | None = None
    coverage: Coverage = Coverage.FULL
    remainder: str = ""
    criteria: tuple[Criterion, ...] = ()
    params: dict[str, ParamValue] = msgspec.field(default_factory=dict)
    facts: tuple[FactRef, ...] = ()
    proofs: tuple[Exchange, ...] = ()


class PlannedProbe(Value):
    """A probe that the plan needs on an asset."""

    asset: str
    probe: str


class Plan(Value):
    """Every case of a round in official order, and the probes whose facts they need."""

    suite: str
    suite_sha256: str
    cases: tuple[Case, ...]
    probes: tuple[PlannedProbe, ...]


class RunInfo(Value):
    """One round: when, with what, by whom; `ended_at` is unset while it may be resumed."""

    round: int
    suite: str
    suite_sha256: str
    engagement_sha256: str
    tool_version: str
    begun_at: datetime
    ended_at: datetime | None = None
    operator: str = ""
