"""Entries of the ledger in short, for tests to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.ledger import Entry as LedgerEntry


@dataclass(frozen=True, slots=True)
class Entry:
    """The gist of an entry of the ledger: what it adds to its balances, in micro-USD."""

    kind: str
    attempt: int
    reserved: int
    spent: int
    by: str


def brief(entry: LedgerEntry) -> Entry:
    """The gist of an entry."""
    return Entry(
        kind=entry.kind,
        attempt=int(entry.attempt.rpartition("-")[2] or 0),
        reserved=entry.reserved_micro_usd,
        spent=entry.spent_micro_usd,
        by=entry.charge.by,
    )
