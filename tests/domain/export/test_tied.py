"""What exports bill is what the ledger spent, month by month; a charge that gets lost is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from typing_extensions import override

from proxy.domain.export.charges import Charges
from proxy.domain.export.tied import TiedExport
from proxy.domain.ledger import EntryKind
from tests.ledger_entries import DAY_MS, Book, a_charge, ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.domain.export.charges import Billed
    from proxy.domain.ledger import Entry

DECEMBER_MS = 1_796_083_200_000


class Forgetful(Charges):
    """Loses every charge that costs more than it held."""

    @override
    def add(self, entry: Entry) -> Iterator[Billed]:
        yield from (billed for billed in super().add(entry) if len(billed.entries) == 1)


@given(ledgers())
def test_every_ledger_is_exported_whole(entries: list[Entry]) -> None:
    tied = TiedExport()
    for entry in entries:
        tied.add(entry)
    assert [] == tied.differences()


def test_nothing_at_all_differs_in_nothing() -> None:
    assert [] == TiedExport().differences()


def test_a_month_ends_between_a_settlement_and_its_overage() -> None:
    """Before Redis 7 the clock may move on inside a script: each export has its own part."""
    book = Book(at_ms=DECEMBER_MS - 1)
    book.add(EntryKind.SETTLE, attempt="a-1", reserved=-5, spent=5, charge=a_charge())
    book.at_ms += 1
    book.add(EntryKind.OVERAGE, attempt="a-1", spent=2, charge=a_charge())
    tied = TiedExport()
    for entry in book.entries:
        tied.add(entry)
    assert [] == tied.differences()


def test_a_charge_that_an_export_loses_is_found_in_its_month() -> None:
    book = Book(at_ms=DECEMBER_MS - DAY_MS)
    book.attempt("a-1", quote=5, cost=7, charge=a_charge())
    book.attempt("a-2", quote=5, cost=4, charge=a_charge())
    book.at_ms = DECEMBER_MS
    book.attempt("a-3", quote=5, cost=6, charge=a_charge())
    tied = TiedExport(Forgetful)
    for entry in book.entries:
        tied.add(entry)
    assert [("2026-11", 11, 4), ("2026-12", 6, 0)] == tied.differences()
