"""How an attempt stands in the ledger: what it was charged, and what was changed by hand since."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from proxy.domain.ledger import Charge, Entry, EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An attempt as its entries tell it. Amounts in micro-USD.

    `balances` are full names: all that an entry of the attempt touched so far. `charge` is what
    its last entry says about it. `held_micro_usd` is above 0 while it is open. `reserve_id` is
    the entry it began with, "" where that is not known, `last_id` the one it ends with so far.
    """

    attempt: str
    team: str
    reserve_id: str = ""
    last_id: str = ""
    balances: tuple[str, ...] = ()
    held_micro_usd: int = 0
    charged_micro_usd: int = 0
    adjusted_micro_usd: int = 0
    written_off_micro_usd: int = 0
    is_resolved: bool = False
    charge: Charge = field(default_factory=Charge)

    @property
    def cost_micro_usd(self) -> int:
        """What the attempt costs by all that is known: the charge with its adjustments."""
        return self.charged_micro_usd + self.adjusted_micro_usd


def standings(entries: Iterable[Entry]) -> dict[str, Standing]:
    """How the attempts stand that entries speak of, by attempt id; oldest entry first."""
    found: dict[str, Standing] = {}
    for entry in entries:
        if entry.attempt:
            before = found.get(entry.attempt) or Standing(attempt=entry.attempt, team=entry.team)
            found[entry.attempt] = _after(before, entry)
    return found


def _after(before: Standing, entry: Entry) -> Standing:
    after = replace(
        before,
        team=before.team or entry.team,
        balances=tuple(dict.fromkeys((*before.balances, *entry.balances))),
        held_micro_usd=before.held_micro_usd + entry.reserved_micro_usd,
        charge=entry.charge,
        last_id=entry.id,
    )
    spent = entry.spent_micro_usd
    match entry.kind:
        case EntryKind.RESERVE:
            return replace(after, reserve_id=entry.id)
        case EntryKind.SETTLE | EntryKind.OVERAGE | EntryKind.RELEASE:
            charged = before.charged_micro_usd + spent
            return replace(after, charged_micro_usd=charged, is_resolved=True)
        case EntryKind.ADJUST:
            return replace(after, adjusted_micro_usd=before.adjusted_micro_usd + spent)
        case EntryKind.WRITE_OFF:
            return replace(after, written_off_micro_usd=before.written_off_micro_usd - spent)
        case _:
            return after
