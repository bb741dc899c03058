"""What is proven about the ledger, and what a proof found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Law(StrEnum):
    """What must always hold; the numbers are those of docs/store.md."""

    SUMS = "I1"
    """A balance is the sum of its entries."""
    LIMITS = "I2"
    """No reserve passes a limit, and nothing spent or reserved is ever below zero."""
    ONCE = "I3"
    """An attempt is reserved once and resolved at most once."""
    ALIVE = "I4"
    """What is held belongs to the current attempt of an unfinished job."""
    QUEUED = "I5"
    """An unfinished job stands in exactly one queue, and nothing else stands in one."""
    FINAL = "I7"
    """A job that ended says what the ledger says, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One law that does not hold. `subject` is a balance, an attempt or a job."""

    law: Law
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was looked at, as counts, and everything that was found wrong."""

    entries: int
    balances: int
    open_attempts: int
    violations: tuple[Violation, ...]

    @property
    def is_sound(self) -> bool:
        """Say whether every law holds."""
        return not self.violations
