"""Ledgers for tests: entries one by one, and whole random ones that obey the ledger's rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from proxy.domain.ledger import Charge, Entry, EntryKind
from tests.builders import NOW_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def a_charge(  # noqa: PLR0913, RUF100  one argument for each fact
    *,
    key: str = "k7f3q2ab",
    policy: str = "balanced",
    provider: str = "kling",
    account: str = "main",
    model: str = "kling-3.0",
    price_id: str = "kling/kling-3.0:1080p",
    by: str = "vendor",
    cost_center: str = "4711",
    seconds: int = 5,
    resolution: str = "1080p",
    outcome: str = "completed",
    task: str = "",
    metadata: dict[str, str] | None = None,
) -> Charge:
    return Charge(
        key=key,
        policy=policy,
        provider=provider,
        account=account,
        model=model,
        price_id=price_id,
        snapshot_digest="0123456789abcdef",
        by=by,
        cost_center=cost_center,
        seconds=seconds,
        resolution=resolution,
        outcome=outcome,
        task=task,
        metadata=metadata or {},
    )


@dataclass(slots=True)
class Book:
    """Writes entries as the store does: ids rise, a script's entries share a millisecond."""

    at_ms: int = NOW_MS
    entries: list[Entry] = field(default_factory=list)
    _number: int = 0

    def add(
        self,
        kind: EntryKind,
        *,
        attempt: str = "",
        team: str = "marketing",
        reserved: int = 0,
        spent: int = 0,
        charge: Charge | None = None,
        reason: str = "",
        balances: tuple[str, ...] = ("org|month|2026-11",),
    ) -> Entry:
        self._number += 1
        entry = Entry(
            id=f"{self.at_ms}-{self._number}",
            kind=kind,
            operation="" if kind is EntryKind.RESERVE else f"op-{self._number}",
            attempt=attempt,
            team=team,
            balances=balances,
            reserved_micro_usd=reserved,
            spent_micro_usd=spent,
            charge=charge or Charge(),
            reason=reason,
        )
        self.entries.append(entry)
        return entry

    def reserve(self, attempt: str, quote: int, charge: Charge, team: str = "marketing") -> None:
        known = replace(charge, cost_center="", outcome="", task="", by="")
        self.add(EntryKind.RESERVE, attempt=attempt, team=team, reserved=quote, charge=known)

    def settle(
        self, attempt: str, quote: int, cost: int, charge: Charge, team: str = "marketing"
    ) -> None:
        self.add(
            EntryKind.SETTLE,
            attempt=attempt,
            team=team,
            reserved=-quote,
            spent=min(quote, cost),
            charge=charge,
        )
        if cost > quote:
            self.add(
                EntryKind.OVERAGE, attempt=attempt, team=team, spent=cost - quote, charge=charge
            )

    def release(self, attempt: str, quote: int, charge: Charge, team: str = "marketing") -> None:
        self.add(EntryKind.RELEASE, attempt=attempt, team=team, reserved=-quote, charge=charge)

    def attempt(
        self,
        attempt: str,
        *,
        quote: int,
        cost: int | None,
        charge: Charge,
        team: str = "marketing",
    ) -> None:
        """Reserve and resolve; a cost of None releases."""
        self.reserve(attempt, quote, charge, team)
        if cost is None:
            self.release(attempt, quote, charge, team)
        else:
            self.settle(attempt, quote, cost, charge, team)

    def adjust(self, attempt: str, by: int, charge: Charge, team: str = "marketing") -> None:
        self.add(EntryKind.ADJUST, attempt=attempt, team=team, spent=by, charge=charge)

    def write_off(self, attempt: str, cost: int, charge: Charge, team: str = "marketing") -> None:
        self.add(EntryKind.WRITE_OFF, attempt=attempt, team=team, spent=-cost, charge=charge)

    def unattributed(self, charge: Charge, cost: int) -> None:
        self.add(EntryKind.UNATTRIBUTED, team="", spent=cost, charge=charge)


class ListedHistory:
    """The port History over a list."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.listed = list(entries)

    async def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        for entry in list(self.listed):
            if since_ms is not None and entry.at_ms < since_ms:
                continue
            if until_ms is None or entry.at_ms < until_ms:
                yield entry


_TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
_OUTCOMES = st.sampled_from(["completed", "completed", "cancelled", "content_policy", ""])


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    return a_charge(
        key=draw(st.sampled_from(["k7f3q2ab", "aaaaaaaa"])),
        policy=draw(st.sampled_from(["", "balanced", "=cmd|' /C calc'!A0"])),
        provider=draw(st.sampled_from(["kling", "vertex"])),
        model=draw(st.sampled_from(["kling-3.0", "veo-3.1-fast"])),
        cost_center=draw(st.sampled_from(["", "4711", "4712"])),
        seconds=draw(st.integers(0, 10)),
        outcome=draw(_OUTCOMES),
        task=draw(_TEXTS),
        metadata=draw(st.dictionaries(_TEXTS, _TEXTS, max_size=2)),
    )


@st.composite
def ledgers(draw: st.DrawFn) -> list[Entry]:
    """Attempts of two teams in any mixture of fates over up to three months, oldest first."""
    book = Book(at_ms=NOW_MS - 90 * DAY_MS)
    for number in range(draw(st.integers(0, 12))):
        _an_attempt(draw, book, f"video_{number:024d}-1")
        book.at_ms += draw(st.integers(1, 20 * DAY_MS))
    if draw(st.booleans()):
        book.unattributed(draw(charges()), draw(st.integers(1, 900_000)))
    if draw(st.booleans()):
        book.add(EntryKind.OPEN, spent=draw(st.integers(0, 10**9)), reserved=5)
    return book.entries


def _an_attempt(draw: st.DrawFn, book: Book, name: str) -> None:
    team = draw(st.sampled_from(["marketing", "research"]))
    charge = draw(charges())
    quote = draw(st.integers(0, 2_000_000))
    book.reserve(name, quote, charge, team)
    if not draw(st.booleans()) and not draw(st.booleans()):
        return
    book.at_ms += draw(st.integers(0, HOUR_MS))
    cost = draw(st.integers(0, 3_000_000))
    if draw(st.booleans()):
        book.settle(name, quote, cost, charge, team)
    else:
        cost = 0
        book.release(name, quote, charge, team)
    book.at_ms += draw(st.integers(0, 40 * DAY_MS))
    if draw(st.booleans()):
        by = draw(st.integers(-cost, 1_000_000))
        book.adjust(name, by, charge, team)
        cost += by
    if draw(st.booleans()) and cost:
        book.write_off(name, cost, charge, team)
