"""What a store that was lost must hold again: all of it follows from the ledger's entries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind, is_of_organisation
from proxy.domain.proof import Sums

if TYPE_CHECKING:
    from collections.abc import Collection

    from proxy.domain.ledger import Entry

Owner = str
"""Who holds balances: a team's id, "" for the organisation."""

REVOKES = "revokes:"
"""`by` of an entry that ends an override begins so; the operation that made it follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """An override as its entry tells it: so much more on a balance until an instant (Unix ms)."""

    operation: str
    balance: str
    amount_micro_usd: int
    until_ms: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an attempt was resolved: what it was charged, overage included, and on what grounds."""

    is_settled: bool
    charged_micro_usd: int
    overage_micro_usd: int
    by: str


class Recovery:
    """Adds entries up, oldest first.

    `sums` are by owner and by the balance's name, `open` the reserves that nothing resolved,
    `ends` the resolutions of those attempts that were asked about.
    """

    def __init__(self, asked: Collection[str] = ()) -> None:
        self.sums: dict[Owner, dict[str, Sums]] = {}
        self.open: dict[str, Entry] = {}
        self.ends: dict[str, End] = {}
        self.entries = 0
        self.last_id = ""
        self._asked = frozenset(asked)
        self._lifts: dict[str, tuple[Owner, Lift]] = {}

    def post(self, entry: Entry) -> None:
        """Take the next entry."""
        self.entries += 1
        self.last_id = entry.id
        for name in entry.balances:
            sums = self.sums.setdefault(owner_of(name, entry.team), {})
            before = sums.get(name, Sums())
            sums[name] = Sums(
                reserved_micro_usd=before.reserved_micro_usd + entry.reserved_micro_usd,
                spent_micro_usd=before.spent_micro_usd + entry.spent_micro_usd,
            )
        match entry.kind:
            case EntryKind.RESERVE:
                self.open[entry.attempt] = entry
            case EntryKind.SETTLE | EntryKind.RELEASE:
                self._resolve(entry)
            case EntryKind.OVERAGE if entry.attempt in self.ends:
                self._exceed(entry)
            case EntryKind.OVERRIDE:
                self._lift(entry)
            case _:
                pass

    def lifts(self, owner: Owner, now_ms: int) -> tuple[Lift, ...]:
        """Overrides of an owner's balances that live at an instant, the oldest first."""
        return tuple(
            lift for of, lift in self._lifts.values() if of == owner and lift.until_ms > now_ms
        )

    @property
    def owners(self) -> tuple[Owner, ...]:
        """Everybody of whom an entry speaks, the organisation first."""
        return tuple(sorted(self.sums))

    def _resolve(self, entry: Entry) -> None:
        self.open.pop(entry.attempt, None)
        if entry.attempt in self._asked:
            self.ends[entry.attempt] = End(
                is_settled=entry.kind is EntryKind.SETTLE,
                charged_micro_usd=entry.spent_micro_usd,
                overage_micro_usd=0,
                by=entry.charge.by,
            )

    def _exceed(self, entry: Entry) -> None:
        end = self.ends[entry.attempt]
        self.ends[entry.attempt] = replace(
            end,
            charged_micro_usd=end.charged_micro_usd + entry.spent_micro_usd,
            overage_micro_usd=entry.spent_micro_usd,
        )

    def _lift(self, entry: Entry) -> None:
        by = entry.charge.by
        if by.startswith(REVOKES):
            self._lifts.pop(by.removeprefix(REVOKES), None)
            return
        for name in entry.balances:
            lift = Lift(
                operation=entry.operation,
                balance=name,
                amount_micro_usd=entry.amount_micro_usd,
                until_ms=entry.until_ms,
                actor=entry.actor,
                reason=entry.reason,
            )
            self._lifts[entry.operation] = owner_of(name, entry.team), lift


def owner_of(balance: str, team: str) -> Owner:
    """Who holds a balance that an entry of a team names."""
    return "" if is_of_organisation(balance) else team
