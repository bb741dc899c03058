"""Compares an invoice with the ledger and, if asked to, makes the ledger agree.

Every correction names the invoice, the attempt and the last entry about it, so sending it again
does nothing; once the ledger agrees there is nothing left to send. What another invoice changed
since is corrected anew.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from proxy.domain.reconcile import Reconciliation, Relevant, Verdict, reconcile
from proxy.domain.unattributed import unattributed_balances
from proxy.gateway.ports.ledger import NotPosted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.invoice import Invoice
    from proxy.domain.ledger import Charge
    from proxy.domain.policy import Budget
    from proxy.domain.reconcile import Finding
    from proxy.domain.standing import Standing
    from proxy.gateway.finance.report import History
    from proxy.gateway.ports.ledger import Mandate, Posted

_POSTABLE = frozenset(
    {Verdict.DIFFERING, Verdict.NOT_INVOICED, Verdict.NOT_OURS, Verdict.MISATTRIBUTED}
)

Window = tuple[int, int]


class Corrections(Protocol):
    """The part of the port Ledger that corrects what was charged."""

    async def adjust(
        self, standing: Standing, delta_micro_usd: int, mandate: Mandate
    ) -> Posted | NotPosted:
        """Correct what a resolved attempt was charged."""

    async def write_off(self, standing: Standing, mandate: Mandate) -> Posted | NotPosted:
        """Take what a resolved attempt costs off its team and key."""

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
        """Charge what a vendor bills and no attempt explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A finding that was posted, or why it was not."""

    finding: Finding
    result: Posted | NotPosted

    @property
    def is_posted(self) -> bool:
        """Say whether the ledger took it."""
        return not isinstance(self.result, NotPosted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What was found, what was posted because of it, and what is found now."""

    before: Reconciliation
    corrections: tuple[Correction, ...]
    after: Reconciliation


class Reconciler:
    """Compares invoices with the ledger."""

    def __init__(self, history: History, ledger: Corrections) -> None:
        self._history = history
        self._ledger = ledger

    async def compare(self, invoice: Invoice, window: Window | None) -> Reconciliation:
        """Compare; nothing is changed. `window` as in Relevant."""
        relevant = Relevant(invoice, window)
        async for entry in self._history.entries():
            relevant.note(entry)
        kept = [entry async for entry in self._history.entries() if relevant.keeps(entry)]
        # An invoice of ten thousand lines takes a tenth of a second; others want to be served.
        return await asyncio.to_thread(reconcile, invoice, relevant, kept)

    async def correct(
        self,
        invoice: Invoice,
        window: Window | None,
        mandate: Mandate,
        *,
        organisation_budgets: Sequence[Budget],
        now_ms: int,
    ) -> Corrected:
        """Compare, post what is missing, and compare again.

        Args:
            invoice: what the vendor bills.
            window: as for `compare`.
            mandate: who asked; its operation is replaced by one for each correction.
            organisation_budgets: they count what nobody explains.
            now_ms: the store's clock.
        """
        before = await self.compare(invoice, window)
        corrections = []
        for finding in before.findings:
            if finding.verdict in _POSTABLE and finding.missing_micro_usd:
                own = replace(mandate, operation=_operation(before.invoice, finding))
                if finding.standing is not None:
                    result = await self._ledger.adjust(
                        finding.standing, finding.missing_micro_usd, own
                    )
                else:
                    result = await self._charge_nobody(finding, own, organisation_budgets, now_ms)
                corrections.append(Correction(finding=finding, result=result))
        after = await self.compare(invoice, window) if corrections else before
        return Corrected(before=before, corrections=tuple(corrections), after=after)

    async def _charge_nobody(
        self, finding: Finding, mandate: Mandate, budgets: Sequence[Budget], now_ms: int
    ) -> Posted | NotPosted:
        known = finding.unattributed
        assert known is not None
        return await self._ledger.unattributed(
            known.charge,
            finding.missing_micro_usd,
            mandate,
            known_micro_usd=known.charged_micro_usd,
            # What is taken back is taken from where it was put: no balance falls below zero.
            balances=known.balances or unattributed_balances(budgets, known.charge, now_ms),
            first_id=known.first_id,
        )


def _operation(invoice: str, finding: Finding) -> str:
    name = finding.attempt or f"{finding.provider}/{finding.task}"
    return f"reconcile:{invoice}:{name}:{finding.last_id or 'new'}"
