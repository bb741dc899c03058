"""Reading a report from the ledger."""

from __future__ import annotations

from proxy.domain.dimension import parse_dimensions
from proxy.domain.window import Window, window_of
from proxy.gateway.finance.report import HELD_FROM_MS, Reported, report
from tests.builders import NOW_MS, UTC
from tests.ledger_entries import DAY_MS, Book, ListedHistory, a_charge


async def reported(book: Book, window: Window) -> Reported:
    return await report(
        ListedHistory(book.entries),
        parse_dimensions("team"),
        window,
        cost_centers={},
        now_ms=NOW_MS,
    )


def month() -> Window:
    return window_of(period=None, since=None, until=None, zone=UTC, now_ms=NOW_MS)


async def test_the_running_month_with_its_forecast() -> None:
    book = Book(at_ms=NOW_MS - DAY_MS)
    book.attempt("a-1", quote=430_000, cost=430_000, charge=a_charge())
    found = await reported(book, month())
    assert 430_000 == found.report.total.spent_micro_usd
    # 21.5 of 30 days have passed.
    assert 600_000 == found.forecast_of(430_000)


async def test_between_two_instants_nothing_is_foretold() -> None:
    found = await reported(Book(), Window(since_ms=0, until_ms=NOW_MS))
    assert found.forecast_of(430_000) is None


async def test_holds_from_before_the_window_are_found() -> None:
    book = Book(at_ms=month().since_ms - HELD_FROM_MS)
    book.reserve("a-1", 5, a_charge())
    book.at_ms = NOW_MS - 1
    book.reserve("b-1", 7, a_charge())
    assert 12 == (await reported(book, month())).report.total.held_micro_usd
