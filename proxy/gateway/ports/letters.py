"""Letters after they were written: how they stand, what was tried, and putting them back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import JobId
    from proxy.gateway.ports.ledger import Mandate
    from proxy.gateway.ports.notices import Outcome


class Fate(StrEnum):
    """How a letter stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    SILENCED = "silenced"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One sending: when (Unix ms), how it ended, and what was answered or kept it from that."""

    at_ms: int
    outcome: Outcome
    status: int | None
    fault: str
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What a letter says, and where it goes: enough to put it back into the outbox.

    `body` is None once it was taken, `sequence` of what is no video's end.
    """

    message: str
    receiver: str
    kind: str
    body: str | None
    at_ms: int
    sequence: int | None = None
    team: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterState:
    """A letter and what became of it; the latest tries first.

    `excerpt` is how the last answer began, `next_at_ms` when it is tried again.
    """

    text: Text
    fate: Fate
    tries: int
    log: tuple[Try, ...] = ()
    excerpt: str = ""
    next_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverState:
    """A receiver: its letters that wait, failures in a row, and its latest tries with messages."""

    id: str
    waiting: int
    failures: int
    rests_until_ms: int | None
    latest: tuple[tuple[Try, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which letters are looked for; None does not matter."""

    team: str | None = None
    receiver: str | None = None

    def has(self, letter: LetterState) -> bool:
        """Say whether a letter is one of them."""
        text = letter.text
        return self.team in (None, text.team) and self.receiver in (None, text.receiver)


class Letters(Protocol):
    """Letters as persons see them. Every method raises StoreUnavailable."""

    async def of_job(self, job: JobId) -> Sequence[LetterState]:
        """Those about a job's end that are still known, in the order of their receivers."""

    async def undelivered(self, wanted: Wanted, limit: int) -> tuple[Sequence[LetterState], bool]:
        """Those that nobody took, the latest first, and whether there are more."""

    async def waiting(self, wanted: Wanted, limit: int) -> tuple[Sequence[LetterState], bool]:
        """Those that wait to be sent, and whether there are more."""

    async def receivers(self, known: Sequence[str]) -> Sequence[ReceiverState]:
        """The receivers that are known, and further ones that have letters."""

    async def put_back(self, texts: Sequence[Text], mandate: Mandate, target: str) -> int | None:
        """Put letters back, due at once, to receivers that neither rest nor are silent any more.

        Done once for the mandate's operation, and on record as a replay of the target; says how
        many it was, None if there are none and that operation put none back before. Raises
        IdempotencyConflict.
        """
