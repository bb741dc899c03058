"""Finance's desk over a real store: what the scripts wrote is what it reads, and posts to."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING

from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.domain.money import format_usd
from proxy.gateway.finance.desk import FinanceDesk, Span, Wanted
from proxy.gateway.ports.ledger import Mandate, Posted
from proxy.store.ledger import RedisLedger
from tests.domain.export.focus_rows import problems
from tests.fakes import failing
from tests.gateway.harness import KLING_MICRO_USD, wait_until

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.harness import Stage

ALWAYS = Span(since="2020-01-01")


def a_mandate(operation: str = "") -> Mandate:
    return Mandate(operation=operation, actor="finance (abcd2345)", role="finance", reason="test")


def desk_of(stage: Stage) -> FinanceDesk:
    runtime = stage.runtime
    return FinanceDesk(
        runtime.live,
        runtime.accounts,
        balances=runtime.balances,
        history=runtime.archive,
        ledger=RedisLedger(stage.client, stage.keys),
    )


async def a_moment_later(stage: Stage) -> FinanceDesk:
    """The desk, once the store's clock has left the millisecond of the last entry.

    A window ends before the millisecond that runs: more may still be written in it.
    """
    accounts = stage.runtime.accounts
    written_ms = await accounts.now_ms()

    async def over() -> bool:
        return await accounts.now_ms() > written_ms

    await wait_until(over, "the next millisecond")
    return desk_of(stage)


async def two_videos_and_a_failure(stage: Stage) -> list[Job]:
    jobs = [await stage.made(), await stage.made()]
    stage.kling.submits.append(failing(FailureKind.INVALID_INPUT))
    view = await stage.create()
    async with stage.working():
        failed = await stage.reached(view.job, JobState.FAILED)
    return [*jobs, failed]


async def test_a_report_of_what_was_made(stage: Stage) -> None:
    await two_videos_and_a_failure(stage)
    found = await (await a_moment_later(stage)).report(ALWAYS, "team,provider,model,policy,key")
    total = found.report.total
    assert (2 * KLING_MICRO_USD, 3, 2, 0) == (
        total.spent_micro_usd,
        total.attempts,
        total.videos,
        total.held_micro_usd,
    )
    assert total.delivered_seconds > 0
    assert {} == total.wasted_micro_usd
    (row,) = found.report.rows
    assert ("marketing", "kling") == row.group[:2]
    assert all(row.group), "a settlement says by itself what it was for"


async def test_what_is_held_is_reported(stage: Stage) -> None:
    await stage.create()
    found = await (await a_moment_later(stage)).report(ALWAYS)
    assert KLING_MICRO_USD == found.report.total.held_micro_usd


async def test_focus_rows_of_real_entries_conform(stage: Stage) -> None:
    await two_videos_and_a_failure(stage)
    export = await (await a_moment_later(stage)).export(ALWAYS, "focus-1.4")
    content = b"".join([piece async for piece in export.pieces()])
    rows = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert ["Usage", "Usage"] == [row["ChargeCategory"] for row in rows]
    assert [] == [problem for row in rows for problem in problems(row)]
    assert Decimal(format_usd(2 * KLING_MICRO_USD)) == sum(
        Decimal(row["BilledCost"]) for row in rows
    )


async def test_after_posting_an_invoice_nothing_differs(stage: Stage) -> None:
    first, second, failed = await two_videos_and_a_failure(stage)
    # One dearer, one forgotten, one that failed and is billed all the same, one of nobody.
    invoice = (
        "provider,external_id,task_id,micro_usd\n"
        f"kling,{first.attempt_id},,{KLING_MICRO_USD + 7}\n"
        f"kling,{failed.attempt_id},,5\n"
        "kling,,orphan,11\n"
    ).encode()
    desk = await a_moment_later(stage)
    result = await desk.correct(invoice, ALWAYS, a_mandate())
    assert {
        (first.attempt_id, 7),
        (second.attempt_id, -KLING_MICRO_USD),
        (failed.attempt_id, 5),
        ("", 11),
    } == {(each.finding.attempt, each.finding.missing_micro_usd) for each in result.corrections}
    assert all(each.is_posted for each in result.corrections)
    assert (0, ()) == (result.after.difference_micro_usd, result.after.findings)
    again = await desk.correct(invoice, ALWAYS, a_mandate())
    assert ((), ()) == (again.corrections, again.after.findings)
    assert (KLING_MICRO_USD + 7 + 5, 0) == await stage.money()
    desk = await a_moment_later(stage)
    report = (await desk.report(ALWAYS)).report
    assert KLING_MICRO_USD + 7 + 5 + 11 == report.total.spent_micro_usd
    await stage.check_books()


async def test_what_an_invoice_of_nothing_does_not_name_is_found(stage: Stage) -> None:
    job = await stage.made()
    desk = await a_moment_later(stage)
    found = await desk.compare(b"task_id,amount\n", ALWAYS, provider="kling")
    assert [(job.attempt_id, KLING_MICRO_USD)] == [
        (each.attempt, each.charged_micro_usd) for each in found.findings
    ]
    assert 0 == (await desk.compare(b"task_id,amount\n", ALWAYS, provider="vertex")).lines


async def test_invoices_that_contradict_each_other_are_each_posted_again(stage: Stage) -> None:
    job = await stage.made()
    for micro_usd in (5, 6, 5, 6):
        invoice = f"provider,external_id,micro_usd\nkling,{job.attempt_id},{micro_usd}\n".encode()
        result = await desk_of(stage).correct(invoice, None, a_mandate())
        assert (1, ()) == (len(result.corrections), result.after.findings)
        assert (micro_usd, 0) == await stage.money()


async def test_a_task_that_is_explained_later_is_taken_back(stage: Stage) -> None:
    desk = desk_of(stage)
    await desk.correct(b"provider,task_id,micro_usd\nkling,orphan,11\n", None, a_mandate())
    job = await stage.made()
    explained = f"provider,external_id,task_id,micro_usd\nkling,{job.attempt_id},orphan,"
    invoice = f"{explained}{KLING_MICRO_USD}\n".encode()
    result = await desk.correct(invoice, None, a_mandate())
    assert ["misattributed"] == [each.finding.verdict.value for each in result.corrections]
    assert () == result.after.findings
    await stage.check_books()


async def test_a_write_off_leaves_the_team(stage: Stage) -> None:
    job = await stage.made()
    desk = desk_of(stage)
    posted = await desk.write_off(job.attempt_id, a_mandate("write_off:1"))
    assert isinstance(posted, Posted)
    assert -KLING_MICRO_USD == posted.amount_micro_usd
    desk = await a_moment_later(stage)
    report = (await desk.report(ALWAYS)).report
    assert {("marketing",): 0, ("",): KLING_MICRO_USD} == {
        row.group: row.figures.spent_micro_usd for row in report.rows
    }
    found, _ = await desk.entries(ALWAYS, Wanted(job=job.id))
    assert ["reserve", "settle", "write_off"] == [entry.kind.value for entry in found]
    await stage.check_books()


async def test_every_budget_has_what_the_store_holds(stage: Stage) -> None:
    await stage.made()
    for line in await desk_of(stage).budgets():
        assert KLING_MICRO_USD == line.state.spent_micro_usd, line.state.balance.account
