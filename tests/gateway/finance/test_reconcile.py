"""Posting what an invoice says the ledger lacks: once, and then nothing is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.ledger import EntryKind
from proxy.domain.reconcile import Verdict
from proxy.gateway.finance.reconcile import Reconciler
from proxy.gateway.ports.ledger import NotPosted
from tests.builders import NOW_MS, a_budget
from tests.domain.test_reconcile import NOVEMBER, an_invoice
from tests.gateway.finance.ledger_fake import MANDATE, FakeLedger
from tests.ledger_entries import DAY_MS, Book, a_charge, ledgers

if TYPE_CHECKING:
    from proxy.domain.invoice import Invoice
    from proxy.domain.ledger import Entry
    from proxy.gateway.finance.reconcile import Corrected

ORGANISATION = [a_budget(id="all", scope="org")]


async def corrected(
    ledger: FakeLedger, invoice: Invoice, window: tuple[int, int] | None = NOVEMBER
) -> Corrected:
    return await Reconciler(ledger, ledger).correct(
        invoice, window, MANDATE, organisation_budgets=ORGANISATION, now_ms=NOW_MS
    )


def four_fates() -> tuple[FakeLedger, Invoice]:
    book = Book()
    book.attempt("equal-1", quote=5, cost=5, charge=a_charge(task="t1"))
    book.attempt("dearer-1", quote=5, cost=5, charge=a_charge(task="t2"))
    book.attempt("assumed-1", quote=9, cost=9, charge=a_charge(task="", outcome="unknown"))
    invoice = an_invoice("kling,t1,,5", "kling,t2,dearer-1,7", "kling,orphan,,3")
    return FakeLedger(book), invoice


async def test_afterwards_nothing_differs() -> None:
    ledger, invoice = four_fates()
    result = await corrected(ledger, invoice)
    assert [
        (Verdict.DIFFERING, "dearer-1", 2),
        (Verdict.NOT_OURS, "", 3),
        (Verdict.NOT_INVOICED, "assumed-1", -9),
    ] == [
        (each.finding.verdict, each.finding.attempt, each.finding.missing_micro_usd)
        for each in result.corrections
    ]
    assert all(each.is_posted for each in result.corrections)
    assert (4, 0) == (
        result.before.difference_micro_usd,
        result.after.difference_micro_usd,
    )
    assert () == result.after.findings


async def test_a_second_time_nothing_is_posted() -> None:
    ledger, invoice = four_fates()
    await corrected(ledger, invoice)
    entries = len(ledger.listed)
    again = await corrected(ledger, invoice)
    assert ((), again.before) == (again.corrections, again.after)
    assert entries == len(ledger.listed)


async def test_operations_name_invoice_attempt_and_its_last_entry() -> None:
    ledger, invoice = four_fates()
    last = {entry.attempt: entry.id for entry in ledger.listed}
    await corrected(ledger, invoice)
    assert [
        f"reconcile:{invoice.digest}:dearer-1:{last['dearer-1']}",
        f"reconcile:{invoice.digest}:kling/orphan:new",
        f"reconcile:{invoice.digest}:assumed-1:{last['assumed-1']}",
    ] == [mandate.operation for mandate in ledger.mandates]
    assert {MANDATE.reason} == {mandate.reason for mandate in ledger.mandates}


async def test_an_invoice_may_be_posted_again_after_another_one_said_otherwise() -> None:
    book = Book()
    book.attempt("a-1", quote=5, cost=5, charge=a_charge(task="t1"))
    ledger = FakeLedger(book)
    one = an_invoice("kling,t1,,4", "kling,orphan,,3")
    other = an_invoice("kling,t1,,5", "kling,orphan,,2")
    for invoice in (one, other, one, other):
        result = await corrected(ledger, invoice)
        assert (2, ()) == (len(result.corrections), result.after.findings)


async def test_what_nobody_explains_goes_to_the_organisation_and_is_taken_back_from_there() -> (
    None
):
    ledger, invoice = four_fates()
    await corrected(ledger, invoice)
    (posted,) = [each for each in ledger.listed if each.kind is EntryKind.UNATTRIBUTED]
    assert ("org|month|2026-11", "unattributed|month|2026-11") == tuple(
        name.replace("team:marketing", "org") for name in posted.balances
    )
    await Reconciler(ledger, ledger).correct(
        an_invoice("kling,t1,,5", "kling,t2,dearer-1,7"),
        NOVEMBER,
        MANDATE,
        organisation_budgets=ORGANISATION,
        now_ms=NOW_MS + 20 * DAY_MS,
    )
    assert (posted.balances, -3) == (
        ledger.listed[-1].balances,
        ledger.listed[-1].spent_micro_usd,
    )


async def test_a_refusal_is_told_and_the_difference_stays() -> None:
    book = Book()
    book.attempt("a-1", quote=5, cost=5, charge=a_charge(task="t1"))
    result = await corrected(FakeLedger(book), an_invoice("kling,t1,,-1"))
    (correction,) = result.corrections
    assert (NotPosted.BELOW_ZERO, False) == (correction.result, correction.is_posted)
    assert 6 == result.after.difference_micro_usd


async def test_to_compare_changes_nothing() -> None:
    ledger, invoice = four_fates()
    before = list(ledger.listed)
    assert 4 == (await Reconciler(ledger, ledger).compare(invoice, NOVEMBER)).difference_micro_usd
    assert (before, []) == (ledger.listed, ledger.mandates)


LINES = st.lists(
    st.tuples(
        st.sampled_from(["kling", "vertex"]),
        st.sampled_from(["", "t1", "x"]),
        st.integers(0, 12),
        st.integers(0, 3_000_000),
    ),
    min_size=1,
    max_size=8,
)


@given(ledgers(), LINES)
async def test_whatever_is_invoiced_one_post_leaves_nothing(
    entries: list[Entry], lines: list[tuple[str, str, int, int]]
) -> None:
    invoice = an_invoice(
        *(
            f"{provider},{task},video_{number:024d}-1,{micro_usd}"
            for provider, task, number, micro_usd in lines
        )
    )
    book = Book(at_ms=NOW_MS + 200 * DAY_MS, entries=list(entries))
    book.at_ms += 1
    ledger = FakeLedger(book)
    first = await corrected(ledger, invoice, (0, NOW_MS + 300 * DAY_MS))
    still_open = sum(each.invoiced_micro_usd for each in first.after.of(Verdict.OPEN))
    assert -still_open == first.after.difference_micro_usd
    assert {Verdict.OPEN, Verdict.DUPLICATE} >= {each.verdict for each in first.after.findings}
    second = await corrected(ledger, invoice, (0, NOW_MS + 300 * DAY_MS))
    assert ((), first.after) == (second.corrections, second.after)
