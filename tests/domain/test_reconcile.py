"""An invoice beside the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.invoice import Invoice, parse_invoice
from proxy.domain.reconcile import Reconciliation, Relevant, Verdict, reconcile
from tests.builders import NOW_MS
from tests.ledger_entries import DAY_MS, Book, a_charge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ledger import Entry

NOVEMBER = NOW_MS - DAY_MS, NOW_MS + DAY_MS


def an_invoice(*lines: str) -> Invoice:
    """Lines of provider, task, external id and micro-USD."""
    text = "\n".join(["provider,task_id,external_id,micro_usd", *lines])
    return parse_invoice(text.encode())


def compared(
    entries: Sequence[Entry], invoice: Invoice, window: tuple[int, int] | None = NOVEMBER
) -> Reconciliation:
    relevant = Relevant(invoice, window)
    for entry in entries:
        relevant.note(entry)
    return reconcile(invoice, relevant, [entry for entry in entries if relevant.keeps(entry)])


def verdicts(result: Reconciliation) -> list[tuple[Verdict, str, str, int, int]]:
    return [
        (
            finding.verdict,
            finding.attempt,
            finding.task,
            finding.charged_micro_usd,
            finding.invoiced_micro_usd,
        )
        for finding in result.findings
    ]


def one_attempt(cost: int | None = 500_000, *, task: str = "t1", name: str = "a-1") -> Book:
    book = Book()
    book.attempt(name, quote=500_000, cost=cost, charge=a_charge(task=task))
    return book


def test_equal_by_external_id_and_by_task() -> None:
    book = one_attempt()
    book.attempt("b-1", quote=3, cost=3, charge=a_charge(task="t2"))
    result = compared(book.entries, an_invoice("kling,,a-1,500000", "kling,t2,,3"))
    assert (2, 500_003, (), 0) == (
        result.equal,
        result.equal_micro_usd,
        result.findings,
        result.difference_micro_usd,
    )
    assert (2, 500_003) == (result.lines, result.invoiced_micro_usd)


def test_our_id_counts_before_the_vendor_s() -> None:
    book = one_attempt()
    book.attempt("b-1", quote=3, cost=3, charge=a_charge(task="t2"))
    result = compared(book.entries, an_invoice("kling,t2,a-1,500000"), None)
    assert (1, ()) == (result.equal, result.findings)


def test_an_id_that_is_none_of_ours_falls_back_to_the_task() -> None:
    result = compared(one_attempt().entries, an_invoice("kling,t1,their-own,500000"))
    assert 1 == result.equal


def test_a_difference_is_told_with_its_sign() -> None:
    result = compared(one_attempt().entries, an_invoice("kling,t1,,600000"))
    assert [(Verdict.DIFFERING, "a-1", "t1", 500_000, 600_000)] == verdicts(result)
    assert (-100_000, 100_000) == (
        result.difference_micro_usd,
        result.findings[0].missing_micro_usd,
    )


def test_adjustments_and_overages_count_and_write_offs_do_not() -> None:
    book = one_attempt(700_000)
    book.adjust("a-1", -50_000, a_charge(task="t1"))
    book.write_off("a-1", 650_000, a_charge(task="t1"))
    assert 1 == compared(book.entries, an_invoice("kling,t1,,650000")).equal


def test_a_released_attempt_may_be_invoiced_after_all() -> None:
    result = compared(one_attempt(None).entries, an_invoice("kling,t1,,5"))
    assert [(Verdict.DIFFERING, "a-1", "t1", 0, 5)] == verdicts(result)


def test_parts_of_a_price_add_up() -> None:
    result = compared(one_attempt().entries, an_invoice("kling,t1,,400000", "kling,t1,,100000"))
    assert (1, ()) == (result.equal, result.findings)


def test_a_repeated_line_is_disputed_not_paid() -> None:
    result = compared(
        one_attempt().entries, an_invoice("kling,t1,a-1,500000", "kling,t1,a-1,500000")
    )
    assert [(Verdict.DUPLICATE, "a-1", "t1", 0, 500_000)] == verdicts(result)
    assert (3,) == result.of(Verdict.DUPLICATE)[0].lines
    assert 0 == result.difference_micro_usd


def test_lines_without_any_id_are_not_duplicates() -> None:
    result = compared([], an_invoice("kling,,,5", "kling,,,5"))
    assert [Verdict.NOT_OURS, Verdict.NOT_OURS] == [found.verdict for found in result.findings]
    assert 2 == len({found.task for found in result.findings})


def test_another_vendor_s_equal_task_is_not_ours() -> None:
    result = compared(one_attempt().entries, an_invoice("vertex,t1,a-1,500000"))
    assert [(Verdict.NOT_OURS, "", "t1", 0, 500_000)] == verdicts(result)


def test_what_the_invoice_forgets_is_told_within_its_time() -> None:
    book = one_attempt()
    book.attempt("free-1", quote=3, cost=None, charge=a_charge(task="t2"))
    book.attempt("v-1", quote=3, cost=3, charge=a_charge(provider="vertex", task="t3"))
    book.at_ms += 3 * DAY_MS
    book.attempt("later-1", quote=3, cost=3, charge=a_charge(task="t4"))
    invoice = an_invoice("kling,t9,,0")
    assert [(Verdict.NOT_INVOICED, "a-1", "t1", 500_000, 0)] == verdicts(
        compared(book.entries, invoice)
    )
    assert [] == verdicts(compared(book.entries, invoice, None))


def test_an_attempt_that_is_still_open_waits() -> None:
    book = Book()
    book.reserve("a-1", 500_000, a_charge())
    result = compared(book.entries, an_invoice("kling,t1,a-1,500000"))
    assert [(Verdict.OPEN, "a-1", "", 0, 500_000)] == verdicts(result)


def test_what_was_charged_to_nobody_is_equal_then() -> None:
    book = Book()
    book.unattributed(a_charge(task="t1"), 3)
    book.unattributed(a_charge(task="t1"), 2)
    assert 1 == compared(book.entries, an_invoice("kling,t1,,5")).equal
    result = compared(book.entries, an_invoice("kling,t1,,7"))
    assert [(Verdict.NOT_OURS, "", "t1", 5, 7)] == verdicts(result)


def test_what_was_charged_to_nobody_and_is_explained_now_is_taken_back() -> None:
    book = one_attempt()
    book.unattributed(a_charge(task="t1"), 500_000)
    result = compared(book.entries, an_invoice("kling,t1,,500000"))
    assert [(Verdict.MISATTRIBUTED, "", "t1", 500_000, 0)] == verdicts(result)
    assert (1, 500_000) == (result.equal, result.difference_micro_usd)


def test_what_was_charged_to_nobody_and_is_not_invoiced_is_taken_back() -> None:
    book = Book()
    book.unattributed(a_charge(task="t1"), 5)
    book.unattributed(a_charge(task="gone"), 5)
    book.unattributed(a_charge(task="gone"), -5)
    book.unattributed(a_charge(task="t2", provider="vertex"), 5)
    invoice = an_invoice("kling,t9,,0")
    assert [(Verdict.NOT_INVOICED, "", "t1", 5, 0)] == verdicts(compared(book.entries, invoice))
    assert [] == verdicts(compared(book.entries, invoice, None))


def test_of_the_whole_ledger_only_what_matters_is_kept() -> None:
    book = one_attempt()
    book.at_ms += 3 * DAY_MS
    book.attempt("later-1", quote=3, cost=3, charge=a_charge(task="t4"))
    relevant = Relevant(an_invoice("kling,t9,,0"), NOVEMBER)
    for entry in book.entries:
        relevant.note(entry)
    assert {"a-1"} == {entry.attempt for entry in book.entries if relevant.keeps(entry)}
