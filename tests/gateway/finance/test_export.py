"""Exports: complete, checkable and the same every time."""

from __future__ import annotations

import csv
import hashlib
import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.ledger import EntryKind
from proxy.domain.money import format_usd
from proxy.domain.report import vendor_cost
from proxy.gateway.finance.export import PIECE_CHARS, Export, ExportFormat
from tests.builders import NOW_MS
from tests.ledger_entries import DAY_MS, Book, ListedHistory, a_charge, ledgers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ledger import Entry

FORMATS = list(ExportFormat)


async def exported(
    entries: Sequence[Entry],
    format_name: ExportFormat,
    *,
    since_ms: int = 0,
    until_ms: int = NOW_MS + 400 * DAY_MS,
) -> tuple[bytes, Mapping[str, object]]:
    export = Export(ListedHistory(entries), format_name, since_ms=since_ms, until_ms=until_ms)
    pieces = [piece async for piece in export.pieces()]
    return b"".join(pieces), export.manifest()


@pytest.mark.parametrize("format_name", FORMATS)
@given(entries=ledgers())
async def test_the_manifest_is_true(format_name: ExportFormat, entries: list[Entry]) -> None:
    content, manifest = await exported(entries, format_name)
    assert hashlib.sha256(content).hexdigest() == manifest["sha256"]
    assert len(content) == manifest["bytes"]
    assert format_usd(sum(vendor_cost(entry) for entry in entries)) == manifest["spent"]
    if format_name is ExportFormat.JSONL:
        assert content.count(b"\n") == manifest["rows"]
    else:
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
        assert len(rows) - 1 == manifest["rows"]


@given(ledgers(), st.integers(0, 130))
async def test_what_comes_later_changes_no_byte_of_a_window_that_is_over(
    entries: list[Entry], days: int
) -> None:
    until_ms = NOW_MS - 90 * DAY_MS + days * DAY_MS
    known_then = [entry for entry in entries if entry.at_ms < until_ms]
    for format_name in FORMATS:
        then = await exported(known_then, format_name, until_ms=until_ms)
        assert then == await exported(entries, format_name, until_ms=until_ms)


@given(ledgers(), st.integers(0, 130))
async def test_windows_add_up_to_their_union(entries: list[Entry], days: int) -> None:
    cut_ms = NOW_MS - 90 * DAY_MS + days * DAY_MS
    whole, _ = await exported(entries, ExportFormat.JSONL)
    first, _ = await exported(entries, ExportFormat.JSONL, until_ms=cut_ms)
    second, _ = await exported(entries, ExportFormat.JSONL, since_ms=cut_ms)
    assert whole == first + second


async def test_a_correction_s_charge_period_is_found_before_the_window() -> None:
    book = Book()
    book.attempt("a-1", quote=5, cost=5, charge=a_charge())
    book.at_ms += 20 * DAY_MS
    book.adjust("a-1", -1, a_charge())
    content, manifest = await exported(
        book.entries, ExportFormat.FOCUS_1_4, since_ms=NOW_MS + DAY_MS
    )
    (row,) = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert ("Correction", "2026-11-22T12:00:00Z") == (row["ChargeClass"], row["ChargePeriodStart"])
    assert ("-0.000001", {"adjust": 1}) == (manifest["spent"], manifest["entries"])


async def test_the_manifest_of_nothing() -> None:
    _, manifest = await exported([], ExportFormat.FOCUS_1_4, since_ms=0, until_ms=0)
    assert {
        "object": "ledger.export",
        "format": "focus-1.4",
        "since": "1970-01-01T00:00:00.000Z",
        "until": "1970-01-01T00:00:00.000Z",
        "rows": 0,
        "spent": "0.000000",
        "entries": {},
        "first_entry": None,
        "last_entry": None,
    }.items() <= manifest.items()


async def test_nothing_at_all_has_no_piece() -> None:
    assert b"" == (await exported([], ExportFormat.JSONL))[0]


async def test_a_long_ledger_comes_in_pieces() -> None:
    book = Book()
    for number in range(1000):
        book.attempt(f"video_{number}-1", quote=5, cost=6, charge=a_charge())
    export = Export(
        ListedHistory(book.entries), ExportFormat.FOCUS_1_0, since_ms=0, until_ms=NOW_MS + 1
    )
    sizes = [len(piece) async for piece in export.pieces()]
    assert len(sizes) > 3
    assert max(sizes) < 2 * PIECE_CHARS
    assert (1000, "0.006000") == (export.manifest()["rows"], export.manifest()["spent"])


async def test_the_sum_of_focus_rows_is_the_manifest_s() -> None:
    book = Book()
    book.attempt("a-1", quote=5, cost=7, charge=a_charge())
    book.write_off("a-1", 7, a_charge())
    book.add(EntryKind.OPEN, spent=100)
    content, manifest = await exported(book.entries, ExportFormat.FOCUS_1_4)
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    assert Decimal("0.000007") == sum(Decimal(row["BilledCost"]) for row in rows)
    assert "0.000007" == manifest["spent"]


async def test_the_last_settlement_is_not_forgotten() -> None:
    book = Book()
    book.attempt("a-1", quote=5, cost=5, charge=a_charge())
    _, manifest = await exported(book.entries, ExportFormat.FOCUS_1_4)
    assert (1, "0.000005") == (manifest["rows"], manifest["spent"])
