"""Reads the ledger for a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proxy.domain.forecast import DAY_MS, linear
from proxy.domain.report import Report, Tally

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from proxy.domain.dimension import Dimension
    from proxy.domain.ledger import Entry
    from proxy.domain.window import Window

HELD_FROM_MS = 31 * DAY_MS
"""How long before a report's window a hold is still looked for: jobs last hours, not months."""


class History(Protocol):
    """The ledger from its first entry on, wherever the entries are kept."""

    def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Entries of [since, until) by the store's clock, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A report of a window, made at `now_ms` by the store's clock."""

    report: Report
    window: Window
    now_ms: int

    def forecast_of(self, spent_micro_usd: int) -> int | None:
        """Where the window's period ends for a part of its spending, in micro-USD.

        Linear; None unless the window is a period that runs and has lasted three days.
        """
        period = self.window.period
        return linear(spent_micro_usd, period, self.now_ms) if period else None


async def report(
    history: History,
    by: tuple[Dimension, ...],
    window: Window,
    *,
    cost_centers: Mapping[str, str],
    now_ms: int,
) -> Reported:
    """Group what was spent in a window.

    Args:
        history: the ledger.
        by: what to group by.
        window: which entries count, by their own instant.
        cost_centers: of the teams, for holds, whose entries name none.
        now_ms: the store's clock.
    """
    tally = Tally(
        by, since_ms=window.since_ms, until_ms=window.until_ms, cost_centers=cost_centers
    )
    async for entry in history.entries(window.since_ms - HELD_FROM_MS, window.until_ms):
        tally.add(entry)
    return Reported(report=tally.report(), window=window, now_ms=now_ms)
