"""What becomes of a user that is disabled and then removed; pure values, no names and no passwords."""

from __future__ import annotations

from ...model import Facts, Value
from .facts import LoginSeen, Replay


class ClosingStep(Value):
    """A request that disables or removes the user.

    `told` is what the declared markers say. `shown` is what the list says afterwards: enabled (True) or
    disabled (False), for a removal: still there (True) or gone for sure (False); None where it does not tell.
    """

    request: str
    status: int | None = None
    told: bool | None = None
    shown: bool | None = None

    @property
    def carried_out(self) -> bool | None:
        """Tell whether it was done, as far as answer and list do not contradict each other."""
        done = None if self.shown is None else not self.shown
        if done is None or self.told is None:
            return self.told if done is None else done
        return done if done == self.told else None


class WebClosing(Facts, tag="web.closing"):
    """A user of ours: created, logged in twice, disabled, removed; every login with its right password.

    `before`: the last login before it was disabled, made while another session of it was alive, as one is
    later. `session` is a page asked for with that session before and after the user was disabled. `disabled`
    and `removed` are the logins afterwards. `control` is the administering account's right password after
    both: that it is accepted shows that the door still lets people in. `created` and the steps are None where
    it did not come so far.
    """

    created: bool | None = None
    before: LoginSeen | None = None
    disabling: ClosingStep | None = None
    disabled: LoginSeen | None = None
    session: Replay | None = None
    removing: ClosingStep | None = None
    removed: LoginSeen | None = None
    control: LoginSeen | None = None
