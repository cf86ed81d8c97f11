"""What papers print of an engagement: who and where as known today, what was tested as it was then.

A report number is given, a telephone corrected, a period written after the test; none of it changes what was
tested. Assets, scope and authority do, and stay those of the round.
"""

from __future__ import annotations

import msgspec

from .model import Engagement


def for_papers(tested: Engagement, today: Engagement) -> Engagement:
    """Return the engagement of a round with the names, people, period and number of today's file."""
    return msgspec.structs.replace(
        tested, institution=today.institution, system=today.system, parties=today.parties,
        people=today.people, period=today.period, report_number=today.report_number,
        forms=today.forms,
    )  # fmt: skip


def same_test(tested: Engagement, today: Engagement) -> bool:
    """Tell whether two engagements differ in nothing that a test depends on."""
    return for_papers(tested, today) == msgspec.structs.replace(today, not_applicable=tested.not_applicable)
