"""What finance asks for, in its own words."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import InvalidRequest
from proxy.domain.ledger import EntryKind
from proxy.domain.period import PeriodKind
from proxy.domain.reconcile import Verdict
from proxy.gateway.balances import BalanceBook
from proxy.gateway.finance.desk import FinanceDesk, Span, Wanted
from proxy.gateway.live import Current, Live
from proxy.gateway.ports.admission import BalanceState, TeamState
from proxy.gateway.ports.ledger import NotPosted, Posted
from tests.builders import NOW_MS, a_budget, a_key, a_snapshot, a_team
from tests.fakes import ScriptedProviders
from tests.gateway.finance.ledger_fake import MANDATE, FakeLedger
from tests.ledger_entries import Book, a_charge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance
    from proxy.domain.bucket import Bucket
    from proxy.domain.ids import KeyId, TeamId
    from proxy.domain.policy import Snapshot

NOVEMBER = Span(period="2026-11")
INVOICE = b"task_id,micro_usd\nt1,7\norphan,3\n"


class KnownAccounts:
    """The port Accounts: every balance is spent and held by as much as its place in the list."""

    async def team_state(
        self,
        team: TeamId,
        balances: Sequence[Balance],
        buckets: Sequence[Bucket],
        *,
        key: KeyId | None = None,
    ) -> TeamState:
        states = tuple(
            BalanceState(balance=balance, spent_micro_usd=place, reserved_micro_usd=10 * place)
            for place, balance in enumerate(balances, start=1)
        )
        return TeamState(balances=states, buckets=(), open_jobs=0, running_jobs=0)

    async def now_ms(self) -> int:
        return NOW_MS


class NovemberClock:
    """The port Clock, at NOW_MS."""

    def now_s(self) -> float:
        return NOW_MS / 1000

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def a_desk(book: Book, snapshot: Snapshot | None = None) -> FinanceDesk:
    snapshot = snapshot or a_snapshot(
        teams=[replace(a_team(), cost_center="4711")],
        organisation_budgets=[a_budget(id="all", scope="org")],
    )
    live = Live(Current(snapshot=snapshot, providers=ScriptedProviders({})))
    ledger = FakeLedger(book)
    return FinanceDesk(
        live,
        KnownAccounts(),
        balances=BalanceBook(NovemberClock()),
        history=ledger,
        ledger=ledger,
    )


def a_book() -> Book:
    book = Book(at_ms=NOW_MS - 1000)
    book.attempt("a-1", quote=5, cost=5, charge=a_charge(task="t1"))
    book.reserve("b-1", 3, a_charge())
    return book


async def test_a_report_of_the_running_month_by_team() -> None:
    found = await a_desk(a_book()).report(Span())
    (row,) = found.report.rows
    assert (("marketing",), 5, 3) == (
        row.group,
        row.figures.spent_micro_usd,
        row.figures.held_micro_usd,
    )


async def test_holds_have_the_cost_center_of_their_team() -> None:
    found = await a_desk(a_book()).report(NOVEMBER, "cost_center")
    assert [("4711",)] == [row.group for row in found.report.rows]


async def test_every_budget_is_shown_with_whose_it_is() -> None:
    key = a_key(budgets=[a_budget(id="web", scope="key:k7f3q2ab", period=PeriodKind.DAY)])
    snapshot = a_snapshot(
        teams=[a_team(budgets=[a_budget()])],
        keys=[key],
        organisation_budgets=[a_budget(id="all", scope="org")],
    )
    lines = await a_desk(Book(), snapshot).budgets()
    assert [
        (None, "org|month", 1, 1),
        ("marketing", "team:marketing|month", 1, 1),
        ("marketing", "key:k7f3q2ab|day", 2, None),
    ] == [
        (
            line.team,
            line.state.balance.account,
            line.state.spent_micro_usd,
            line.forecast_micro_usd,
        )
        for line in lines
    ]


async def test_without_teams_the_organisation_s_budgets_are_shown() -> None:
    known = a_snapshot(organisation_budgets=[a_budget(id="all", scope="org")])
    snapshot = replace(known, teams={}, keys={})
    (line,) = await a_desk(Book(), snapshot).budgets()
    assert "org|month" == line.state.balance.account


async def test_without_budgets_there_is_nothing_to_show() -> None:
    assert () == await a_desk(Book(), a_snapshot(teams=[a_team(budgets=[])], keys=[])).budgets()


async def test_an_export_in_a_time_zone() -> None:
    span = Span(since="2026-11-22", timezone="America/New_York")
    export = await a_desk(a_book()).export(span, "jsonl")
    pieces = [piece async for piece in export.pieces()]
    assert ("2026-11-22T05:00:00.000Z", "2026-11-22T12:00:00.000Z", 3) == (
        export.manifest()["since"],
        export.manifest()["until"],
        export.manifest()["rows"],
    )
    assert pieces


@pytest.mark.parametrize(
    ("span", "param", "message"),
    [
        (Span(timezone="Mars/Phobos"), "timezone", "not a time zone"),
        (Span(timezone="../etc/passwd"), "timezone", "not a time zone"),
        (Span(period="soon"), "period", "is not a period"),
        (Span(since="soon"), "since", "neither a date"),
    ],
)
async def test_a_time_that_is_none_is_refused(span: Span, param: str, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message) as refused:
        await a_desk(Book()).report(span)
    assert param == refused.value.param


async def test_other_groups_formats_and_files_are_refused() -> None:
    desk = a_desk(Book())
    with pytest.raises(InvalidRequest, match="group by") as by:
        await desk.report(Span(), "colour")
    with pytest.raises(InvalidRequest, match=r"csv, jsonl, focus-1\.4, focus-1\.0") as as_format:
        await desk.export(Span(), "xlsx")
    with pytest.raises(InvalidRequest, match="the file is empty") as invoice:
        await desk.compare(b"", None)
    assert ["by", "format", "invoice"] == [
        refused.value.param for refused in (by, as_format, invoice)
    ]


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        (Wanted(), ["reserve", "settle", "reserve"]),
        (Wanted(job="a"), ["reserve", "settle"]),
        (Wanted(job="b-1"), ["reserve"]),
        (Wanted(kind=EntryKind.SETTLE), ["settle"]),
        (Wanted(team="other"), []),
    ],
)
async def test_entries_are_chosen(wanted: Wanted, kinds: list[str]) -> None:
    found, has_more = await a_desk(a_book()).entries(Span(), wanted)
    assert (kinds, False) == ([entry.kind for entry in found], has_more)


async def test_of_many_entries_the_first_are_shown() -> None:
    found, has_more = await a_desk(a_book()).entries(Span(), Wanted(limit=2))
    assert (2, True) == (len(found), has_more)


async def test_a_write_off_is_of_the_whole_cost() -> None:
    desk = a_desk(a_book())
    posted = await desk.write_off("a-1", MANDATE)
    assert isinstance(posted, Posted)
    assert -5 == posted.amount_micro_usd
    assert NotPosted.NOTHING is await desk.write_off("a-1", MANDATE)


async def test_a_job_is_told_from_its_attempts() -> None:
    book = a_book()
    book.attempt("a-2", quote=5, cost=5, charge=a_charge(task="t2"))
    with pytest.raises(InvalidRequest, match=r"a is a job; name one of its attempts: a-1, a-2$"):
        await a_desk(book).write_off("a", MANDATE)


async def test_an_attempt_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no entry of the attempt") as refused:
        await a_desk(a_book()).write_off("x-1", MANDATE)
    assert "attempt" == refused.value.param


async def test_an_invoice_is_compared_and_posted() -> None:
    desk = a_desk(a_book())
    compared = await desk.compare(INVOICE, None, provider="kling")
    assert [Verdict.DIFFERING, Verdict.NOT_OURS] == [each.verdict for each in compared.findings]
    result = await desk.correct(INVOICE, NOVEMBER, MANDATE, provider="kling")
    assert (2, 0) == (len(result.corrections), result.after.difference_micro_usd)
