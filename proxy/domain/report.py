"""What was spent, on what, and for how many videos: the ledger grouped, never recomputed.

An entry counts in the window that holds its own instant. So a window that is over never changes,
and the windows of a year add up to the year: a late correction stands where it was posted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.domain.ledger import EntryKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.dimension import Dimension
    from proxy.domain.ledger import Entry

COMPLETED = "completed"
UNSTATED = "unstated"
"""Stands for an outcome or a group that entries do not name."""

SPENDING = frozenset(
    {EntryKind.SETTLE, EntryKind.OVERAGE, EntryKind.ADJUST, EntryKind.UNATTRIBUTED}
)
"""Kinds whose spent delta is money that went to a vendor, or came back from one."""
_ENDINGS = frozenset({EntryKind.SETTLE, EntryKind.RELEASE})


def vendor_cost(entry: Entry) -> int:
    """What an entry adds to what vendors are owed, in micro-USD.

    A write-off only moves a cost to the organisation, an opening repeats what was spent before.
    """
    return entry.spent_micro_usd if entry.kind in SPENDING else 0


@dataclass(slots=True, kw_only=True)
class Figures:
    """Sums of one group. Amounts in micro-USD; `wasted` by outcome, without completed ones.

    `spent_micro_usd` includes `overage_micro_usd` and `adjusted_micro_usd`. `attempts` ended in
    the window, `videos` of them were delivered, with `delivered_seconds` in all.
    """

    spent_micro_usd: int = 0
    overage_micro_usd: int = 0
    adjusted_micro_usd: int = 0
    written_off_micro_usd: int = 0
    held_micro_usd: int = 0
    attempts: int = 0
    videos: int = 0
    delivered_seconds: int = 0
    wasted_micro_usd: dict[str, int] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Say whether it says nothing: corrections that cancel each other leave such a group."""
        money = (self.spent_micro_usd, self.held_micro_usd, *self.wasted_micro_usd.values())
        changed = (self.overage_micro_usd, self.adjusted_micro_usd, self.written_off_micro_usd)
        return not (any(money) or any(changed) or self.attempts)

    @property
    def all_wasted_micro_usd(self) -> int:
        """What was paid for no video, whatever the outcome."""
        return sum(self.wasted_micro_usd.values())

    @property
    def per_video_micro_usd(self) -> int | None:
        """All that was spent, waste included, over the delivered videos; rounded half up."""
        return _ratio(self.spent_micro_usd, self.videos)

    @property
    def per_second_micro_usd(self) -> int | None:
        """The same over the delivered seconds."""
        return _ratio(self.spent_micro_usd, self.delivered_seconds)

    def spend(self, micro_usd: int, outcome: str) -> None:
        """Count money, and as wasted unless it brought a video."""
        self.spent_micro_usd += micro_usd
        if outcome != COMPLETED:
            name = outcome or UNSTATED
            self.wasted_micro_usd[name] = self.wasted_micro_usd.get(name, 0) + micro_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One group: its values in the order of the report's dimensions, and its sums."""

    group: tuple[str, ...]
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Rows, dearest first, that add up to `total`. The window is [since, until) in Unix ms."""

    by: tuple[str, ...]
    since_ms: int
    until_ms: int
    rows: tuple[Row, ...]
    total: Figures


class Tally:
    """Takes the ledger's entries, oldest first, and makes a report of them.

    Entries before the window count only as holds: what is held is told as of the window's end.
    """

    def __init__(
        self,
        by: tuple[Dimension, ...],
        *,
        since_ms: int,
        until_ms: int,
        cost_centers: Mapping[str, str],
    ) -> None:
        self._by = by
        self._since_ms = since_ms
        self._until_ms = until_ms
        self._cost_centers = cost_centers
        self._groups: dict[tuple[str, ...], Figures] = {}
        self._holds: dict[str, tuple[tuple[str, ...], int]] = {}
        self._total = Figures()

    def add(self, entry: Entry) -> None:
        """Take one entry; those at or after the window's end are passed over."""
        if entry.at_ms >= self._until_ms:
            return
        if entry.kind is EntryKind.RESERVE:
            self._holds[entry.attempt] = self._group(entry), entry.reserved_micro_usd
        elif entry.kind in _ENDINGS:
            self._holds.pop(entry.attempt, None)
        if entry.at_ms >= self._since_ms:
            self._count(entry)

    def report(self) -> Report:
        """The report of what was taken so far."""
        for group, held_micro_usd in self._holds.values():
            for figures in self._figures(group):
                figures.held_micro_usd += held_micro_usd
        self._holds.clear()
        rows = [
            Row(group=group, figures=figures)
            for group, figures in self._groups.items()
            if not figures.is_nothing
        ]
        rows.sort(key=lambda row: (-row.figures.spent_micro_usd, row.group))
        return Report(
            by=tuple(dimension.name for dimension in self._by),
            since_ms=self._since_ms,
            until_ms=self._until_ms,
            rows=tuple(rows),
            total=self._total,
        )

    def _count(self, entry: Entry) -> None:
        spent = entry.spent_micro_usd
        if entry.kind in SPENDING:
            for figures in self._figures(self._group(entry)):
                _add_spending(figures, entry)
        elif entry.kind is EntryKind.RELEASE:
            for figures in self._figures(self._group(entry)):
                _add_ending(figures, entry)
        elif entry.kind is EntryKind.WRITE_OFF:
            borne = self._group(entry)
            nobody = tuple(
                "" if dimension.is_bearer else value
                for dimension, value in zip(self._by, borne, strict=True)
            )
            self._groups.setdefault(borne, Figures()).spend(spent, entry.charge.outcome)
            self._groups.setdefault(nobody, Figures()).spend(-spent, entry.charge.outcome)
            for figures in self._figures(borne):
                figures.written_off_micro_usd -= spent

    def _group(self, entry: Entry) -> tuple[str, ...]:
        return tuple(dimension.of(entry, self._cost_centers) for dimension in self._by)

    def _figures(self, group: tuple[str, ...]) -> tuple[Figures, Figures]:
        return self._groups.setdefault(group, Figures()), self._total


def _add_spending(figures: Figures, entry: Entry) -> None:
    spent = entry.spent_micro_usd
    if entry.kind is EntryKind.UNATTRIBUTED:
        figures.spend(spent, EntryKind.UNATTRIBUTED)
        return
    figures.spend(spent, entry.charge.outcome)
    if entry.kind is EntryKind.SETTLE:
        _add_ending(figures, entry)
    elif entry.kind is EntryKind.OVERAGE:
        figures.overage_micro_usd += spent
    else:
        figures.adjusted_micro_usd += spent


def _add_ending(figures: Figures, entry: Entry) -> None:
    figures.attempts += 1
    if entry.charge.outcome == COMPLETED:
        figures.videos += 1
        figures.delivered_seconds += entry.charge.seconds


def _ratio(micro_usd: int, count: int) -> int | None:
    return (2 * micro_usd + count) // (2 * count) if count else None
