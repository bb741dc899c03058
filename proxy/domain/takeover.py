"""What a new account takes over: all that the ledger holds for its scope in its period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind
from proxy.domain.opening import counts

if TYPE_CHECKING:
    from proxy.domain.balance import Balance
    from proxy.domain.ledger import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt that was not resolved when the ledger was read: what it holds, in micro-USD."""

    attempt: str
    team: str
    held_micro_usd: int


class Takeover:
    """Adds up, entry by entry, oldest first, what one balance should hold.

    An attempt belongs to the period in which it was reserved, whenever its money moves.
    """

    def __init__(self, balance: Balance) -> None:
        self.balance = balance
        self.spent_micro_usd = 0
        self._open: dict[str, OpenAttempt] = {}
        self._resolved: set[str] = set()
        self._written_off: set[str] = set()

    @property
    def open_attempts(self) -> tuple[OpenAttempt, ...]:
        """What is still held."""
        return tuple(self._open.values())

    @property
    def held_micro_usd(self) -> int:
        """What all of these hold together."""
        return sum(attempt.held_micro_usd for attempt in self.open_attempts)

    def add(self, entry: Entry) -> None:
        """Take the next entry."""
        attempt = entry.attempt
        match entry.kind:
            case EntryKind.RESERVE if self._covers(entry):
                self._open[attempt] = OpenAttempt(
                    attempt=attempt, team=entry.team, held_micro_usd=entry.reserved_micro_usd
                )
            case EntryKind.SETTLE | EntryKind.RELEASE if attempt in self._open:
                del self._open[attempt]
                self._resolved.add(attempt)
                self.spent_micro_usd += entry.spent_micro_usd
            case EntryKind.OVERAGE | EntryKind.ADJUST if attempt in self._resolved:
                if attempt not in self._written_off:
                    self.spent_micro_usd += entry.spent_micro_usd
            case EntryKind.WRITE_OFF if attempt in self._resolved:
                if not self.balance.is_organisation:
                    self._written_off.add(attempt)
                    self.spent_micro_usd += entry.spent_micro_usd
            case EntryKind.UNATTRIBUTED if self._covers(entry):
                self.spent_micro_usd += entry.spent_micro_usd
            case _:
                pass

    def _covers(self, entry: Entry) -> bool:
        balance = self.balance
        return balance.period.holds(entry.at_ms) and counts(
            balance.scope, balance.match, entry.team, entry.charge
        )
