"""docs/money.md works through a month; these are its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.domain.dimension import parse_dimensions
from proxy.domain.invoice import parse_invoice
from proxy.domain.money import format_usd
from proxy.domain.report import Report, Tally
from proxy.gateway.finance.export import Export, ExportFormat
from proxy.gateway.finance.reconcile import Reconciler
from tests.builders import a_budget
from tests.gateway.finance.ledger_fake import MANDATE, FakeLedger
from tests.gateway.finance.worked_month import INVOICES, NOVEMBER, at, november
from tests.ledger_entries import ListedHistory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.ledger import Entry

PAGE = (Path(__file__).parents[3] / "docs/money.md").read_text(encoding="utf-8")


def dollars(micro_usd: int | None) -> str:
    if micro_usd is None:
        return "-"
    sign = "-" if micro_usd < 0 else ""
    whole, _, places = format_usd(abs(micro_usd)).partition(".")
    return f"{sign}${whole}.{places.rstrip('0').ljust(2, '0')}"


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


def table_of(report: Report) -> list[str]:
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
    book = november()
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


@pytest.mark.parametrize("by", ["team", "provider"])
def test_the_report_of_november(by: str) -> None:
    report = report_of(november().entries, by, NOVEMBER)
    assert [] == [line for line in table_of(report) if line not in PAGE]


async def test_the_invoices() -> None:
    ledger = FakeLedger(november())
    for provider, text in INVOICES.items():
        invoice = parse_invoice(text.encode(), provider=provider)
        found = await Reconciler(ledger, ledger).compare(invoice, NOVEMBER)
        findings = ", ".join(
            f"`{each.attempt or each.task}` {each.verdict.value} {dollars(each.missing_micro_usd)}"
            for each in found.findings
        )
        line = (
            f"| {provider} | {dollars(found.invoiced_micro_usd)} | {found.equal}"
            f" | {findings or 'nothing'} | {dollars(found.difference_micro_usd)} |"
        )
        assert line in PAGE, line


async def test_november_stays_and_december_has_the_corrections() -> None:
    ledger = await posted()
    assert report_of(november().entries, "team", NOVEMBER) == report_of(
        ledger.listed, "team", NOVEMBER
    )
    december = report_of(ledger.listed, "team", (at(12, 1, 0), at(12, 4, 0)))
    assert [] == [line for line in table_of(december) if line not in PAGE]


async def test_both_months_are_what_the_vendors_billed() -> None:
    ledger = await posted()
    billed = sum(
        line.amount_micro_usd
        for provider, text in INVOICES.items()
        for line in parse_invoice(text.encode(), provider=provider).lines
    )
    whole = report_of(ledger.listed, "team", (NOVEMBER[0], at(12, 4, 0)))
    assert billed == whole.total.spent_micro_usd
    assert f"{dollars(billed)} in all" in PAGE


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
        assert said in PAGE, said
