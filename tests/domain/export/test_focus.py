"""FOCUS rows: 1.4 against its own text, both against the ledger."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from proxy.domain.export.charges import Charges
from proxy.domain.export.focus import FOCUS_1_0, FOCUS_1_4, focus_row, header
from proxy.domain.ledger import EntryKind
from proxy.domain.report import vendor_cost
from tests.domain.export.focus_columns import COLUMNS_1_4, MANDATORY_1_4, Level
from tests.domain.export.focus_rows import problems
from tests.ledger_entries import DAY_MS, Book, a_charge, ledgers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from proxy.domain.export.charges import Billed
    from proxy.domain.ledger import Entry


def charges_of(entries: Sequence[Entry]) -> list[Billed]:
    charges = Charges()
    found = [billed for entry in entries for billed in charges.add(entry)]
    return [*found, *charges.rest()]


def rows_of(
    entries: Sequence[Entry], columns: Mapping[str, Callable[..., str]] = FOCUS_1_4
) -> list[dict[str, str]]:
    ended = {
        entry.attempt: entry.at_ms
        for entry in entries
        if entry.kind in (EntryKind.SETTLE, EntryKind.RELEASE)
    }
    text = header(columns) + "".join(
        focus_row(columns, billed, ended.get(billed.attempt, billed.at_ms))
        for billed in charges_of(entries)
    )
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_table_is_the_one_of_the_specification() -> None:
    assert MANDATORY_1_4 == {
        name for name, column in COLUMNS_1_4.items() if column.level is Level.MANDATORY
    }
    assert [] == [name for name, column in COLUMNS_1_4.items() if ".md@" not in column.source]


def test_1_4_has_the_columns_of_the_table_and_its_own_behind_them() -> None:
    names = list(FOCUS_1_4)
    own = [name for name in names if name.startswith("x_")]
    assert [*COLUMNS_1_4, *own] == names


@pytest.mark.parametrize("columns", [FOCUS_1_4, FOCUS_1_0], ids=["1.4", "1.0"])
def test_own_columns_are_named_as_asked(columns: Mapping[str, Callable[..., str]]) -> None:
    # attributes/custom_column_handling.md@06c0e9f8: x_, Pascal case, at most 50 characters.
    own = [name for name in columns if name not in COLUMNS_1_4 and name.startswith("x_")]
    assert own
    assert [] == [
        name for name in own if not (name[2:].isalnum() and name[2].isupper() and len(name) <= 50)
    ]


@given(ledgers())
def test_every_row_conforms_to_1_4(entries: list[Entry]) -> None:
    assert [] == [problem for row in rows_of(entries) for problem in problems(row)]


@given(ledgers())
def test_the_sum_is_the_ledger_s(entries: list[Entry]) -> None:
    spent = Decimal(sum(vendor_cost(entry) for entry in entries)) / 1_000_000
    for columns in (FOCUS_1_4, FOCUS_1_0):
        assert spent == sum(Decimal(row["BilledCost"]) for row in rows_of(entries, columns))


@given(ledgers())
def test_by_sub_account_the_sum_is_the_team_s(entries: list[Entry]) -> None:
    borne = {"marketing": Decimal(0), "research": Decimal(0)}
    for row in rows_of(entries):
        if row["SubAccountId"]:
            borne[row["SubAccountId"]] += Decimal(row["BilledCost"])
    for team, sum_of_rows in borne.items():
        micro_usd = sum(
            entry.spent_micro_usd
            for entry in entries
            if entry.team == team and entry.kind is not EntryKind.OPEN
        )
        assert Decimal(micro_usd) / 1_000_000 == sum_of_rows


def test_a_video_is_usage_by_the_second() -> None:
    book = Book()
    book.attempt(
        "video_a-1", quote=500_000, cost=560_000, charge=a_charge(metadata={"project": "spring"})
    )
    (row,) = rows_of(book.entries)
    assert {
        "BilledCost": "0.560000",
        "BillingAccountId": "kling/main",
        "BillingPeriodStart": "2026-11-01T00:00:00Z",
        "BillingPeriodEnd": "2026-12-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": "5 s of 1080p video by kling-3.0, completed",
        "ChargePeriodStart": "2026-11-22T12:00:00Z",
        "ChargePeriodEnd": "2026-11-22T13:00:00Z",
        "ConsumedQuantity": "5.0",
        "ListCost": "0.500000",
        "ListUnitPrice": "0.100000",
        "PricingQuantity": "5.0",
        "PricingUnit": "Seconds",
        "ServiceCategory": "AI and Machine Learning",
        "SkuId": "kling/kling-3.0",
        "SkuPriceId": "kling/kling-3.0:1080p",
        "SubAccountId": "marketing",
        "Tags": '{"project":"spring"}',
        "x_JobId": "video_a",
        "x_CostBasis": "vendor",
        "x_LedgerEntries": " ".join(entry.id for entry in book.entries[1:]),
    }.items() <= row.items()


def test_an_overage_that_follows_nothing_stands_alone() -> None:
    book = Book()
    book.add(EntryKind.OVERAGE, attempt="a-1", spent=5, charge=a_charge())
    book.attempt("b-1", quote=10, cost=10, charge=a_charge())
    book.add(EntryKind.OVERAGE, attempt="a-1", spent=5, charge=a_charge())
    rows = rows_of(book.entries)
    assert ["Adjustment", "Usage", "Adjustment"] == [row["ChargeCategory"] for row in rows]


def test_a_correction_of_last_month_is_one() -> None:
    book = Book()
    book.attempt("a-1", quote=500_000, cost=500_000, charge=a_charge())
    book.adjust("a-1", -1, a_charge())
    book.at_ms += 10 * DAY_MS
    book.adjust("a-1", -2, a_charge())
    _, same_month, next_month = rows_of(book.entries)
    assert ("", "Correction") == (same_month["ChargeClass"], next_month["ChargeClass"])
    assert ("2026-12-01T00:00:00Z", "2026-11-22T12:00:00Z", "-0.000002") == (
        next_month["BillingPeriodStart"],
        next_month["ChargePeriodStart"],
        next_month["BilledCost"],
    )
    assert next_month["ChargeDescription"].startswith("Invoice correction: ")


def test_a_write_off_is_two_rows_that_cost_nothing() -> None:
    book = Book()
    book.write_off("a-1", 500_000, a_charge())
    left, kept = rows_of(book.entries)
    assert ("marketing", "-0.500000", "4711") == (
        left["SubAccountId"],
        left["BilledCost"],
        left["x_CostCenter"],
    )
    assert ("", "0.500000", "") == (
        kept["SubAccountId"],
        kept["BilledCost"],
        kept["x_CostCenter"],
    )


def test_what_nobody_explains_says_so() -> None:
    book = Book()
    book.unattributed(a_charge(account="", task="t9", model=""), 5)
    (row,) = rows_of(book.entries)
    assert ("Adjustment", "kling/unknown", "t9") == (
        row["ChargeCategory"],
        row["BillingAccountId"],
        row["x_VendorTaskId"],
    )


def test_a_quote_that_is_not_by_the_second_has_no_list_price() -> None:
    book = Book()
    book.attempt("a-1", quote=499_999, cost=499_999, charge=a_charge())
    (row,) = rows_of(book.entries)
    assert ("Adjustment", "", "0.499999") == (
        row["ChargeCategory"],
        row["ListUnitPrice"],
        row["ListCost"],
    )


def test_a_vendor_that_is_not_known_is_called_so() -> None:
    book = Book()
    book.attempt("a-1", quote=5, cost=5, charge=a_charge(provider="", model=""))
    (row,) = rows_of(book.entries)
    assert ("unknown", "") == (row["ServiceProviderName"], row["SkuId"])
