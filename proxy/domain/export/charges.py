"""Charges: the ledger's spending as a vendor bills it, one for each attempt and correction.

The overage of an attempt is posted with its settlement and billed with it, so both are one charge.
A write-off is two: it leaves the team and stays with the organisation, and costs nothing in sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind
from proxy.domain.report import SPENDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.domain.ledger import Charge, Entry

_WRITTEN = SPENDING | {EntryKind.WRITE_OFF}


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What one charge cost, in micro-USD. `team` is empty where the organisation bears it.

    `entries` are the ids of the ledger's entries it stands for. `quoted_micro_usd` is the price
    book's for the whole video; 0 where nothing was quoted.
    """

    entries: tuple[str, ...]
    kind: EntryKind
    at_ms: int
    attempt: str
    job: str
    team: str
    cost_micro_usd: int
    quoted_micro_usd: int
    of: Charge
    reason: str = ""

    @property
    def unit_price_micro_usd(self) -> int | None:
        """The list price of a second; None where the quote was not one by the second."""
        seconds = self.of.seconds
        if not (seconds and self.of.model and self.of.price_id and self.quoted_micro_usd):
            return None
        price, rest = divmod(self.quoted_micro_usd, seconds)
        return None if rest else price


class Charges:
    """Turns entries, oldest first, into charges. What is not spending makes none."""

    def __init__(self) -> None:
        self._settled: Billed | None = None

    def add(self, entry: Entry) -> Iterator[Billed]:
        """Take an entry; yields the charges that are known to be whole now."""
        waiting, self._settled = self._settled, None
        is_overage = entry.kind is EntryKind.OVERAGE
        if waiting and is_overage and entry.attempt == waiting.attempt:
            cost_micro_usd = waiting.cost_micro_usd + entry.spent_micro_usd
            ids = (*waiting.entries, entry.id)
            yield replace(waiting, cost_micro_usd=cost_micro_usd, entries=ids)
            return
        if waiting:
            yield waiting
        if entry.kind not in _WRITTEN or not entry.spent_micro_usd:
            return
        billed = _billed(entry)
        if entry.kind is EntryKind.SETTLE:
            self._settled = billed
        elif entry.kind is EntryKind.WRITE_OFF:
            yield billed
            cost_micro_usd = -billed.cost_micro_usd
            yield replace(
                billed,
                team="",
                cost_micro_usd=cost_micro_usd,
                of=replace(billed.of, cost_center="", key=""),
            )
        else:
            yield billed

    def rest(self) -> Iterator[Billed]:
        """Yield the charge that still waited for an overage."""
        if self._settled:
            yield self._settled
        self._settled = None


def _billed(entry: Entry) -> Billed:
    is_settled = entry.kind is EntryKind.SETTLE
    return Billed(
        entries=(entry.id,),
        kind=entry.kind,
        at_ms=entry.at_ms,
        attempt=entry.attempt,
        job=entry.job,
        team=entry.team,
        cost_micro_usd=entry.spent_micro_usd,
        quoted_micro_usd=-entry.reserved_micro_usd if is_settled else 0,
        of=entry.charge,
        reason=entry.reason,
    )
