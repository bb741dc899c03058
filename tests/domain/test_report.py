"""Reports: the ledger grouped, to the micro-dollar."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.dimension import NAMES, Dimension, parse_dimensions
from proxy.domain.ledger import EntryKind
from proxy.domain.report import Figures, Report, Tally, vendor_cost
from tests.builders import NOW_MS
from tests.ledger_entries import DAY_MS, Book, a_charge, ledgers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ledger import Entry

LATER_MS = NOW_MS + DAY_MS
CENTERS = {"marketing": "4711", "research": "4712"}
FAILED = a_charge(outcome="content_policy", model="veo-3.1-fast", provider="vertex")


def report_of(
    entries: Sequence[Entry],
    by: str = "team",
    *,
    since_ms: int = 0,
    until_ms: int = LATER_MS + 400 * DAY_MS,
) -> Report:
    tally = Tally(parse_dimensions(by), since_ms=since_ms, until_ms=until_ms, cost_centers=CENTERS)
    for entry in entries:
        tally.add(entry)
    return tally.report()


def figures_of(report: Report, *group: str) -> Figures:
    return next(row.figures for row in report.rows if row.group == group)


def test_one_video_is_one_row() -> None:
    book = Book()
    book.attempt("a-1", quote=400_000, cost=336_000, charge=a_charge(seconds=5))
    (row,) = report_of(book.entries).rows
    assert ("marketing",) == row.group
    assert Figures(spent_micro_usd=336_000, attempts=1, videos=1, delivered_seconds=5) == (
        row.figures
    )


def test_unit_costs_include_the_waste() -> None:
    book = Book()
    book.attempt("a-1", quote=400_000, cost=400_000, charge=a_charge(seconds=8))
    book.attempt("b-1", quote=100_001, cost=100_001, charge=FAILED)
    total = report_of(book.entries).total
    assert {"content_policy": 100_001} == total.wasted_micro_usd
    assert (500_001, 62_500) == (total.per_video_micro_usd, total.per_second_micro_usd)


def test_without_a_video_there_is_no_unit_cost() -> None:
    book = Book()
    book.attempt("b-1", quote=100_000, cost=100_000, charge=FAILED)
    total = report_of(book.entries).total
    assert (None, None, 100_000) == (
        total.per_video_micro_usd,
        total.per_second_micro_usd,
        total.all_wasted_micro_usd,
    )


def test_a_released_attempt_counts_and_costs_nothing() -> None:
    book = Book()
    book.attempt("a-1", quote=400_000, cost=None, charge=FAILED)
    assert Figures(attempts=1) == report_of(book.entries).total


def test_an_overage_is_spent_and_told_apart() -> None:
    book = Book()
    book.attempt("a-1", quote=400_000, cost=450_000, charge=a_charge())
    total = report_of(book.entries).total
    assert (450_000, 50_000, 1) == (
        total.spent_micro_usd,
        total.overage_micro_usd,
        total.attempts,
    )


def test_an_adjustment_without_an_outcome_is_unstated_waste() -> None:
    book = Book()
    book.adjust("a-1", 7, a_charge(outcome=""))
    total = report_of(book.entries).total
    assert (7, 7, {"unstated": 7}) == (
        total.spent_micro_usd,
        total.adjusted_micro_usd,
        total.wasted_micro_usd,
    )


def test_what_nobody_explains_is_waste_of_nobody() -> None:
    book = Book()
    book.unattributed(a_charge(key="", cost_center="", outcome=""), 5)
    (row,) = report_of(book.entries).rows
    assert (("",), {"unattributed": 5}) == (row.group, row.figures.wasted_micro_usd)


def test_a_cost_of_nobody_that_was_taken_back_leaves_no_row() -> None:
    book = Book()
    book.unattributed(a_charge(task="x"), 500_000)
    book.unattributed(a_charge(task="x"), -500_000)
    report = report_of(book.entries)
    assert ((), 0) == (report.rows, report.total.spent_micro_usd)


def test_a_write_off_leaves_the_team_and_stays_with_the_organisation() -> None:
    book = Book()
    book.attempt("b-1", quote=100_000, cost=100_000, charge=FAILED)
    book.write_off("b-1", 100_000, FAILED)
    report = report_of(book.entries, "team,provider")
    team = figures_of(report, "marketing", "vertex")
    nobody = figures_of(report, "", "vertex")
    assert (0, 0, 100_000) == (
        team.spent_micro_usd,
        team.all_wasted_micro_usd,
        team.written_off_micro_usd,
    )
    assert (100_000, {"content_policy": 100_000}) == (
        nobody.spent_micro_usd,
        nobody.wasted_micro_usd,
    )
    assert (100_000, 100_000) == (
        report.total.spent_micro_usd,
        report.total.written_off_micro_usd,
    )


def test_by_model_a_write_off_moves_nothing() -> None:
    book = Book()
    book.attempt("b-1", quote=100_000, cost=100_000, charge=FAILED)
    book.write_off("b-1", 100_000, FAILED)
    (row,) = report_of(book.entries, "model").rows
    assert 100_000 == row.figures.spent_micro_usd


def test_an_opened_account_and_an_override_spend_nothing() -> None:
    book = Book()
    book.add(EntryKind.OPEN, spent=10, reserved=10)
    book.add(EntryKind.OVERRIDE)
    assert ((), Figures()) == (report_of(book.entries).rows, report_of(book.entries).total)


def test_what_is_held_is_told_by_cost_center_too() -> None:
    book = Book()
    book.reserve("a-1", 400_000, a_charge())
    book.reserve("b-1", 100_000, a_charge(), "unlisted")
    report = report_of(book.entries, "cost_center")
    assert 400_000 == figures_of(report, "4711").held_micro_usd
    assert 100_000 == figures_of(report, "").held_micro_usd
    assert 500_000 == report.total.held_micro_usd


def test_a_hold_from_before_the_window_is_still_held() -> None:
    book = Book()
    book.reserve("a-1", 400_000, a_charge())
    book.attempt("b-1", quote=1, cost=1, charge=a_charge())
    report = report_of(book.entries, since_ms=LATER_MS)
    assert Figures(held_micro_usd=400_000) == report.total


def test_the_window_is_half_open() -> None:
    book = Book()
    for name in ("a-1", "b-1", "c-1"):
        book.attempt(name, quote=1, cost=1, charge=a_charge())
        book.at_ms += 1
    assert 1 == report_of(book.entries, since_ms=NOW_MS + 1, until_ms=NOW_MS + 2).total.videos


def test_rows_come_dearest_first_then_by_name() -> None:
    book = Book()
    for team, cost in (("b", 1), ("a", 1), ("c", 2)):
        book.attempt(f"{team}-1", quote=cost, cost=cost, charge=a_charge(), team=team)
    assert [("c",), ("a",), ("b",)] == [row.group for row in report_of(book.entries).rows]


def test_metadata_groups_by_one_field() -> None:
    book = Book()
    book.attempt("a-1", quote=1, cost=1, charge=a_charge(metadata={"project": "spring"}))
    book.attempt("b-1", quote=2, cost=2, charge=a_charge())
    report = report_of(book.entries, "metadata.project")
    assert [("",), ("spring",)] == [row.group for row in report.rows]
    assert ("metadata.project",) == report.by


@pytest.mark.parametrize("text", ["", "colour", "team,colour", "metadata.", "team,team"])
def test_other_dimensions_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="group by"):
        parse_dimensions(text)


def test_dimensions_may_be_written_with_spaces() -> None:
    assert (Dimension("team"), Dimension("model")) == parse_dimensions("team, model")


BY = st.lists(
    st.sampled_from([*NAMES[:-1], "metadata.a"]), min_size=1, max_size=3, unique=True
).map(",".join)


@given(ledgers(), BY)
def test_rows_add_up_to_the_ledger(entries: list[Entry], by: str) -> None:
    report = report_of(entries, by)
    spent = sum(vendor_cost(entry) for entry in entries)
    held: Counter[str] = Counter()
    for entry in entries:
        if entry.kind is not EntryKind.OPEN:
            held[entry.attempt] += entry.reserved_micro_usd
    for name, sum_of_ledger in (
        ("spent_micro_usd", spent),
        ("held_micro_usd", sum(held.values())),
        ("videos", report.total.videos),
        ("attempts", report.total.attempts),
        ("delivered_seconds", report.total.delivered_seconds),
        ("written_off_micro_usd", report.total.written_off_micro_usd),
        ("all_wasted_micro_usd", report.total.all_wasted_micro_usd),
    ):
        assert sum_of_ledger == getattr(report.total, name), name
        assert sum_of_ledger == sum(getattr(row.figures, name) for row in report.rows), name


@given(ledgers())
def test_a_team_s_row_is_what_its_balance_counts(entries: list[Entry]) -> None:
    borne: Counter[str] = Counter()
    for entry in entries:
        if entry.kind is not EntryKind.OPEN:
            borne[entry.team] += entry.spent_micro_usd
    report = report_of(entries)
    for row in report.rows:
        if row.group != ("",):
            assert borne[row.group[0]] == row.figures.spent_micro_usd


@given(ledgers(), st.integers(0, 200))
def test_windows_add_up_to_their_union(entries: list[Entry], days: int) -> None:
    cut_ms = NOW_MS - 90 * DAY_MS + days * DAY_MS
    first = report_of(entries, until_ms=cut_ms).total
    second = report_of(entries, since_ms=cut_ms).total
    whole = report_of(entries).total
    assert whole.spent_micro_usd == first.spent_micro_usd + second.spent_micro_usd
    assert whole.attempts == first.attempts + second.attempts
