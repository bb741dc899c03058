"""Holds what exports bill against the ledger, month by month, while its entries go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from proxy.domain.export.charges import Charges
from proxy.domain.period import PeriodKind, period_at
from proxy.domain.report import vendor_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.domain.export.charges import Billed
    from proxy.domain.ledger import Entry
    from proxy.domain.period import Period

_UTC: Final = ZoneInfo("UTC")


class TiedExport:
    """Makes the charges of each UTC month as an export of that month would, and adds them up.

    `charges` makes what turns the entries of one export into its rows.
    """

    def __init__(self, charges: Callable[[], Charges] = Charges) -> None:
        self._make = charges
        self._charges = charges()
        self._month: Period | None = None
        self._owed = 0
        self._billed = 0
        self._different: list[tuple[str, int, int]] = []

    def add(self, entry: Entry) -> None:
        """Take the next entry, oldest first."""
        if self._month is None or not self._month.holds(entry.at_ms):
            self._close()
            self._month = period_at(PeriodKind.MONTH, _UTC, entry.at_ms)
        self._owed += vendor_cost(entry)
        self._bill(self._charges.add(entry))

    def differences(self) -> list[tuple[str, int, int]]:
        """Months whose sums differ: its id, what its entries spent, what its export bills."""
        self._close()
        return self._different

    def _bill(self, charges: Iterator[Billed]) -> None:
        self._billed += sum(billed.cost_micro_usd for billed in charges)

    def _close(self) -> None:
        self._bill(self._charges.rest())
        if self._month is not None and self._owed != self._billed:
            self._different.append((self._month.id, self._owed, self._billed))
        self._charges, self._owed, self._billed = self._make(), 0, 0
