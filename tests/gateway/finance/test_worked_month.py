"""docs/money.md works through a month; these are its numbers, each table to its last row."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.domain.alert import levels_reached
from proxy.domain.balance import balances_at
from proxy.domain.dimension import parse_dimensions
from proxy.domain.invoice import parse_invoice
from proxy.domain.ledger import EntryKind
from proxy.domain.money import format_usd
from proxy.domain.proof import Sums
from proxy.domain.report import Report, Tally
from proxy.gateway.finance.export import Export, ExportFormat
from proxy.gateway.finance.reconcile import Reconciler
from proxy.gateway.ports.admission import OverBudget
from proxy.gateway.refusals import refusal_error
from proxy.gateway.views import Caller
from tests.builders import a_budget, a_key, a_team
from tests.gateway.finance.ledger_fake import MANDATE, FakeLedger
from tests.gateway.finance.worked_month import (
    ALERT_PERCENT,
    INVOICES,
    LIMIT_MICRO_USD,
    NOVEMBER,
    ORGANISATION,
    TEAM,
    at,
    balances_after,
    november,
    until_december,
)
from tests.ledger_entries import ListedHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from proxy.domain.ledger import Entry

PAGE = (Path(__file__).parents[3] / "docs/money.md").read_text(encoding="utf-8")
MONTH = PAGE.partition("\n## A month\n")[2].partition("\n## ")[0]
BUDGET = a_budget(limit_micro_usd=LIMIT_MICRO_USD)
DECEMBER = at(12, 1, 0), at(12, 4, 0)
UNATTRIBUTED = "unattributed|month|2026-12"
QUOTE = 800_000


def dollars(micro_usd: int | None) -> str:
    if micro_usd is None:
        return "-"
    sign = "-" if micro_usd < 0 else ""
    whole, _, places = format_usd(abs(micro_usd)).partition(".")
    return f"{sign}${whole}.{places.rstrip('0').ljust(2, '0')}"


def tables(begins: str) -> list[list[str]]:
    """The rows below each heading of a table that begins with a cell, in the page's order."""
    found = []
    for part in MONTH.split(f"\n| {begins} |")[1:]:
        lines = part.split("\n")[2:]
        found.append(lines[: next(n for n, line in enumerate(lines) if line[:1] != "|")])
    return found


def report_of(entries: Iterable[Entry], by: str, window: tuple[int, int]) -> Report:
    tally = Tally(
        parse_dimensions(by),
        since_ms=window[0],
        until_ms=window[1],
        cost_centers={"marketing": "4711"},
    )
    for entry in entries:
        tally.add(entry)
    return tally.report()


def rows_of(report: Report) -> list[str]:
    rows = [*((row.group[0] or "(nobody)", row.figures) for row in report.rows)]
    return [
        f"| {name} | {dollars(figures.spent_micro_usd)}"
        f" | {dollars(figures.all_wasted_micro_usd)} | {dollars(figures.held_micro_usd)}"
        f" | {figures.attempts} | {figures.videos} | {figures.delivered_seconds}"
        f" | {dollars(figures.per_video_micro_usd)} | {dollars(figures.per_second_micro_usd)} |"
        for name, figures in [*rows, ("total", report.total)]
    ]


async def posted() -> FakeLedger:
    """The ledger after the invoices of 3 December were posted."""
    book = until_december()
    book.at_ms = at(12, 3)
    ledger = FakeLedger(book)
    for provider, text in INVOICES.items():
        invoice = parse_invoice(text.encode(), provider=provider)
        result = await Reconciler(ledger, ledger).correct(
            invoice,
            NOVEMBER,
            MANDATE,
            organisation_budgets=[a_budget(id="all", scope="org")],
            now_ms=book.at_ms,
        )
        assert 0 == result.after.difference_micro_usd
    return ledger


def day_of(entry: Entry) -> str:
    """The day of an entry as the page has it; the first ten videos are one row."""
    day = datetime.fromtimestamp(entry.at_ms / 1000, UTC)
    if day.month == 12:
        return f"{day.day} December"
    return "2 to 11" if day.day <= 11 else str(day.day)


def in_words(entries: Sequence[Entry]) -> str:
    """The entries of a row: what each held, spent or lifted, without what all releases say."""
    words = []
    for entry in entries:
        amount = entry.spent_micro_usd or max(0, entry.reserved_micro_usd)
        amount = amount or entry.amount_micro_usd
        words.append(f"`{entry.kind}`" + (f" {dollars(amount)}" if amount else ""))
    if len(words) == 20:
        assert words == words[:2] * 10
        return f"{', '.join(words[:2])}; ten times"
    return ", ".join(words)


def test_what_happens_day_by_day() -> None:
    entries = until_december().entries
    (rows,) = tables("day")
    expected = []
    for day, group in groupby(entries, day_of):
        own = list(group)
        balance = balances_after(entries[: entries.index(own[-1]) + 1])[TEAM]
        money = f"{dollars(balance.spent_micro_usd)} | {dollars(balance.reserved_micro_usd)}"
        expected.append((day, f"{in_words(own)} | {money} |"))
    assert expected == [
        (row.split(" | ")[0].removeprefix("| "), row.split(" | ", 2)[2]) for row in rows
    ]


def test_the_tenth_video_reaches_the_level_that_is_told() -> None:
    entries = november().entries
    reached = [
        bool(levels_reached(sums.spent_micro_usd, LIMIT_MICRO_USD, [ALERT_PERCENT]))
        for number in range(1, 11)
        for sums in [balances_after(entries[: 2 * number])[TEAM]]
    ]
    assert [False] * 9 + [True] == reached


def test_the_refusal_of_the_30th() -> None:
    before = [entry for entry in november().entries if entry.at_ms < at(11, 30, 0)]
    sums = balances_after(before)[TEAM]
    (balance,) = balances_at([BUDGET], at(11, 30))
    assert TEAM == balance.name
    used = sums.spent_micro_usd + sums.reserved_micro_usd + QUOTE
    lifted = [e.amount_micro_usd for e in november().entries if e.kind is EntryKind.OVERRIDE]
    assert LIMIT_MICRO_USD < used <= LIMIT_MICRO_USD + sum(lifted)
    refused = OverBudget(
        balance=balance,
        quote_micro_usd=QUOTE,
        spent_micro_usd=sums.spent_micro_usd,
        reserved_micro_usd=sums.reserved_micro_usd,
        buckets=(),
    )
    error = refusal_error(refused, Caller(key=a_key(), team=a_team(budgets=[BUDGET])))
    assert f"    {error.message}\n" in MONTH


@pytest.mark.parametrize("by", ["team", "provider"])
def test_the_report_of_november(by: str) -> None:
    report = report_of(until_december().entries, by, NOVEMBER)
    assert rows_of(report) == tables(by)[0]


async def test_the_invoices() -> None:
    ledger = FakeLedger(until_december())
    expected = []
    for provider, text in INVOICES.items():
        invoice = parse_invoice(text.encode(), provider=provider)
        found = await Reconciler(ledger, ledger).compare(invoice, NOVEMBER)
        findings = ", ".join(
            f"`{each.attempt or each.task}` {each.verdict.value} {dollars(each.missing_micro_usd)}"
            for each in found.findings
        )
        expected.append(
            f"| {provider} | {dollars(found.invoiced_micro_usd)} | {found.equal}"
            f" | {findings or 'nothing'} | {dollars(found.difference_micro_usd)} |"
        )
    assert [expected] == tables("vendor")


async def test_november_stays_and_december_has_the_corrections() -> None:
    ledger = await posted()
    assert report_of(november().entries, "team", NOVEMBER) == report_of(
        ledger.listed, "team", NOVEMBER
    )
    december = report_of(ledger.listed, "team", DECEMBER)
    assert rows_of(december) == tables("team")[1]


async def test_the_same_money_in_four_places() -> None:
    last = (await posted()).listed
    moments = {
        "30 November": (november().entries, NOVEMBER[1]),
        "1 December": (until_december().entries, at(12, 1, 1)),
        "3 December, posted": (last, DECEMBER[1]),
    }
    whole = "| | " + " | ".join(moments) + " |"
    assert f"\n{whole}\n" in MONTH
    reports = [
        [
            dollars(report_of(entries, "team", (since, min(until, now))).total.spent_micro_usd)
            if now > since
            else "-"
            for entries, now in moments.values()
        ]
        for since, until in (NOVEMBER, DECEMBER)
    ]
    held = [balances_after(entries) for entries, _ in moments.values()]
    names = (TEAM, ORGANISATION, UNATTRIBUTED)
    balances = [[in_dollars(sums.get(name)) for sums in held] for name in names]
    labels = ("report of November", "report of December", *(f"`{name}`" for name in names))
    expected = [
        "| " + " | ".join([label.replace("|", "\\|"), *row]) + " |"
        for label, row in zip(labels, [*reports, *balances], strict=True)
    ]
    assert expected == MONTH.partition(whole)[2].split("\n")[2 : 2 + len(expected)]


def in_dollars(sums: Sums | None) -> str:
    if sums is None:
        return "-"
    held = f", {dollars(sums.reserved_micro_usd)} held" if sums.reserved_micro_usd else ""
    return dollars(sums.spent_micro_usd) + held


async def test_both_months_are_what_the_vendors_billed() -> None:
    ledger = await posted()
    billed = sum(
        line.amount_micro_usd
        for provider, text in INVOICES.items()
        for line in parse_invoice(text.encode(), provider=provider).lines
    )
    whole = report_of(ledger.listed, "team", (NOVEMBER[0], DECEMBER[1])).total.spent_micro_usd
    assert billed + QUOTE == whole
    said = f"Both months come to {dollars(whole)}: the invoices of November, {dollars(billed)}"
    assert f"{said}, and the video of December, {dollars(QUOTE)}." in MONTH


async def test_the_export_of_november() -> None:
    for entries in (november().entries, (await posted()).listed):
        export = Export(
            ListedHistory(entries),
            ExportFormat.FOCUS_1_4,
            since_ms=NOVEMBER[0],
            until_ms=NOVEMBER[1],
        )
        assert [piece async for piece in export.pieces()]
        manifest = export.manifest()
        said = f"{manifest['rows']} rows, {manifest['spent']}, SHA-256 `{manifest['sha256']}`"
        assert said in MONTH, said
