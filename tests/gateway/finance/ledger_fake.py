"""A ledger in memory that takes corrections as the real one does: compared, set, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind
from proxy.domain.standing import standings
from proxy.gateway.ports.ledger import Mandate, NotPosted, Posted
from tests.ledger_entries import Book, ListedHistory

if TYPE_CHECKING:
    from proxy.domain.ledger import Charge
    from proxy.domain.standing import Standing

MANDATE = Mandate(operation="", actor="fin1 (abcd2345)", role="finance", reason="invoice 11")


class FakeLedger(ListedHistory):
    """Posts to a Book and keeps its first answers; `mandates` are all it was asked with."""

    def __init__(self, book: Book) -> None:
        super().__init__(book.entries)
        self.listed = book.entries
        self.mandates: list[Mandate] = []
        self._book = book
        self._answers: dict[str, Posted] = {}

    async def adjust(
        self, standing: Standing, delta_micro_usd: int, mandate: Mandate
    ) -> Posted | NotPosted:
        self.mandates.append(mandate)
        if mandate.operation in self._answers:
            return self._answers[mandate.operation]
        now = standings(self.listed)[standing.attempt]
        if now.cost_micro_usd != standing.cost_micro_usd:
            return NotPosted.STALE
        if now.cost_micro_usd + delta_micro_usd < 0:
            return NotPosted.BELOW_ZERO
        self._book.adjust(standing.attempt, delta_micro_usd, standing.charge, standing.team)
        return self._answered(mandate, delta_micro_usd)

    async def write_off(self, standing: Standing, mandate: Mandate) -> Posted | NotPosted:
        self.mandates.append(mandate)
        if not standing.cost_micro_usd or standing.written_off_micro_usd:
            return NotPosted.NOTHING
        cost = standing.cost_micro_usd
        self._book.write_off(standing.attempt, cost, standing.charge, standing.team)
        return self._answered(mandate, -cost)

    async def unattributed(
        self,
        charge: Charge,
        delta_micro_usd: int,
        mandate: Mandate,
        *,
        known_micro_usd: int,
        balances: tuple[str, ...],
        first_id: str = "",
    ) -> Posted | NotPosted:
        self.mandates.append(mandate)
        if mandate.operation in self._answers:
            return self._answers[mandate.operation]
        now = sum(
            entry.spent_micro_usd
            for entry in self.listed
            if entry.kind is EntryKind.UNATTRIBUTED
            and (entry.charge.provider, entry.charge.task) == (charge.provider, charge.task)
        )
        if now != known_micro_usd:
            return NotPosted.STALE
        self._book.add(
            EntryKind.UNATTRIBUTED,
            team="",
            spent=delta_micro_usd,
            charge=charge,
            balances=balances,
        )
        return self._answered(mandate, delta_micro_usd)

    def _answered(self, mandate: Mandate, delta_micro_usd: int) -> Posted:
        posted = Posted(
            entry_id=self.listed[-1].id,
            amount_micro_usd=delta_micro_usd,
            total_micro_usd=delta_micro_usd,
        )
        self._answers[mandate.operation] = posted
        return posted
