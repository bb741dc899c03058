"""News of a job from outside: what is noted of it, and how its job is found."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from proxy.domain.ids import AttemptId, ProviderName


class Heard(StrEnum):
    """What became of a hint.

    NOTED: a step of the job is under way, the one after it comes sooner. REPEATED: the message
    was heard before. IDLE: the attempt waits for no news; it is over, not sent yet, or unknown.
    """

    HINTED = "hinted"
    NOTED = "noted"
    REPEATED = "repeated"
    IDLE = "idle"


class Hints(Protocol):
    """Bringing steps forward; never a change of state or money. All raise StoreUnavailable."""

    async def hint(self, attempt: AttemptId, *, message: str, least_s: float) -> Heard:
        """Make the next step of an attempt's job due now: one atomic, replay-safe script.

        But no sooner than `least_s` after the step before, whatever is heard how often. `message`
        names what was heard; within a quarter of an hour it is heard once.
        """

    async def remember(
        self,
        provider: ProviderName,
        account: str,
        name: str,
        *,
        attempt: AttemptId,
        life_s: float,
    ) -> None:
        """Note which attempt an operation's own name belongs to."""

    async def attempt(self, provider: ProviderName, account: str, name: str) -> AttemptId | None:
        """The attempt behind a provider's own name of an operation, None when none is known."""
