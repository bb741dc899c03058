"""Corrections reach accounts that were opened after what is corrected had ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from proxy.domain.period import PeriodKind
from proxy.domain.policy import Match
from proxy.gateway.finance.desk import FinanceDesk, Span
from proxy.gateway.ports.ledger import NotPosted, Posted
from proxy.store.ledger import RedisLedger
from tests.builders import a_budget, a_key, a_team
from tests.gateway.harness import KLING_MICRO_USD, fast_snapshot
from tests.job_builders import a_mandate
from tests.ledger_entries import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job
    from proxy.domain.policy import Budget
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

DOLLAR = 1_000_000
ALL = a_budget(id="all", scope="org")
MONTHLY = a_budget()
LESS = KLING_MICRO_USD - 36_000
YEAR = Span(since="2020-01-01", until="2100-01-01")


def desk_of(stage: Stage, ledger: RedisLedger | None = None) -> FinanceDesk:
    runtime = stage.runtime
    return FinanceDesk(
        runtime.live,
        runtime.accounts,
        balances=runtime.balances,
        history=runtime.archive,
        ledger=ledger or RedisLedger(stage.client, stage.keys),
    )


def bought(*lines: tuple[str, int]) -> bytes:
    """An invoice of Kling's: attempts (or tasks) with micro-USD."""
    rows = [f"{name},{name},{micro_usd}" for name, micro_usd in lines]
    return "\n".join(("task_id,external_id,micro_usd", *rows, "")).encode()


async def reconciled(stage: Stage, *lines: tuple[str, int]) -> None:
    """Post what an invoice corrects; afterwards the ledger agrees with it."""
    desk = desk_of(stage)
    result = await desk.correct(bought(*lines), YEAR, a_mandate(), provider="kling")
    assert all(each.is_posted for each in result.corrections)
    assert 0 == result.after.difference_micro_usd


async def now_with(stage: Stage, *budgets: Budget, org: Sequence[Budget] = ()) -> None:
    """Put other budgets in force, and have their accounts opened."""
    stage.reload(fast_snapshot(teams=[a_team(budgets=budgets)], organisation_budgets=org))
    await stage.runtime.openings.sync(stage.snapshot)


async def spent(stage: Stage) -> dict[str, int]:
    """Micro-USD by budget id; nothing is held."""
    state = (await stage.videos.budget(stage.caller())).state
    assert {0} == {each.reserved_micro_usd for each in state.balances}
    return {each.balance.budget_id: each.spent_micro_usd for each in state.balances}


ADDED = {
    "another period": a_budget(id="new", period=PeriodKind.YEAR),
    "all time": a_budget(id="new", period=PeriodKind.TOTAL),
    "a match": a_budget(id="new", match=Match(model="kling*")),
    "another start day": a_budget(id="new", start_day=28),
}


@pytest.mark.parametrize("added", ADDED.values(), ids=ADDED)
async def test_an_invoice_corrects_a_budget_that_was_added_since(
    stage: Stage, added: Budget
) -> None:
    job = await stage.made()
    await now_with(stage, MONTHLY, added)
    await reconciled(stage, (job.attempt_id, LESS))
    assert {"monthly": LESS, "new": LESS} == await spent(stage)


async def test_what_was_free_of_charge_and_is_invoiced_after_all(stage: Stage) -> None:
    """There was nothing to take over, so the ledger has no entry of the opening."""
    view = await stage.create()
    await stage.videos.cancel(stage.caller(), view.job.id)
    await now_with(stage, a_budget(id="new", period=PeriodKind.TOTAL))
    await reconciled(stage, (view.job.attempt_id, 5))
    assert {"new": 5} == await spent(stage)


async def test_a_write_off_reaches_it_and_leaves_the_organisation_its_cost(stage: Stage) -> None:
    job = await stage.made()
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL), org=[ALL])
    posted = await desk_of(stage).write_off(job.attempt_id, a_mandate())
    assert isinstance(posted, Posted)
    cost = {"monthly": 0, "new": 0, "all": KLING_MICRO_USD}
    assert cost == await spent(stage)
    # What the vendor corrects from then on is the organisation's alone.
    await reconciled(stage, (job.attempt_id, LESS))
    assert cost | {"all": LESS} == await spent(stage)


async def test_a_key_s_account_is_reached_and_what_does_not_count_it_is_not(
    new_stage: StageMaker,
) -> None:
    stage = new_stage()
    job = await stage.made()
    own = a_budget(id="own", scope=f"key:{a_key().id}", period=PeriodKind.TOTAL)
    veo = a_budget(id="veo", match=Match(model="veo*"))
    keys = [replace(a_key(), budgets=(own,))]
    stage.reload(fast_snapshot(teams=[a_team(budgets=(veo,))], keys=keys))
    await stage.runtime.openings.sync(stage.snapshot)
    await reconciled(stage, (job.attempt_id, LESS))
    assert {"own": LESS, "veo": 0} == await spent(stage)


async def test_an_attempt_that_was_under_way_then_is_corrected_once(stage: Stage) -> None:
    job = (await stage.create()).job
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL))
    async with stage.working():
        await stage.finished(job)
    await reconciled(stage, (job.attempt_id, LESS))
    assert {"monthly": LESS, "new": LESS} == await spent(stage)


async def test_an_attempt_after_it_was_opened_is_corrected_once(stage: Stage) -> None:
    await stage.made()
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL))
    later = await stage.made()
    await reconciled(stage, (later.attempt_id, LESS))
    assert {"monthly": LESS, "new": LESS} == await spent(stage)


async def test_an_archived_attempt_is_reached_too(stage: Stage) -> None:
    job = await stage.made()
    await stage.runtime.archive.close_days(await stage.runtime.accounts.now_ms() + 2 * DAY_MS)
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL))
    await reconciled(stage, (job.attempt_id, LESS))
    assert {"monthly": LESS, "new": LESS} == await spent(stage)


async def test_what_nobody_explained_is_taken_back_from_it(stage: Stage) -> None:
    await stage.made()
    await now_with(stage, MONTHLY, org=[ALL])
    await reconciled(stage, ("orphan", 700))
    yearly = replace(ALL, id="yearly", period=PeriodKind.YEAR)
    await now_with(stage, MONTHLY, org=[ALL, yearly])
    assert {"all": 700, "yearly": 700}.items() <= (await spent(stage)).items()
    await reconciled(stage, ("orphan", 200))
    assert {"all": 200, "yearly": 200}.items() <= (await spent(stage)).items()


async def made_and_known(stage: Stage) -> tuple[Job, RedisLedger]:
    """A job, and a ledger that knows how accounts were opened until now."""
    job = await stage.made()
    ledger = RedisLedger(stage.client, stage.keys)
    _, openings = await ledger.openings.read()
    assert ["team:marketing|month"] == [opening.account for opening in openings]
    return job, ledger


async def test_one_that_opens_between_reading_and_posting_is_reached(stage: Stage) -> None:
    job, ledger = await made_and_known(stage)
    standing = await desk_of(stage).standing(job.attempt_id)
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL))
    assert isinstance(await ledger.adjust(standing, -36_000, a_mandate()), Posted)
    assert {"monthly": LESS, "new": LESS} == await spent(stage)


async def test_a_correction_that_is_sent_again_is_made_once(stage: Stage) -> None:
    """Also if an account was opened in between: that one has taken it over already."""
    job, ledger = await made_and_known(stage)
    standing = await desk_of(stage).standing(job.attempt_id)
    first = await ledger.adjust(standing, -36_000, a_mandate())
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL))
    assert first == await ledger.adjust(standing, -36_000, a_mandate())
    assert {"monthly": LESS, "new": LESS} == await spent(stage)
    stale = await ledger.adjust(standing, -36_000, a_mandate("another"))
    assert NotPosted.STALE is stale


async def test_a_budget_that_left_and_came_back_is_reached(stage: Stage) -> None:
    job = await stage.made()
    await now_with(stage, a_budget(id="other", period=PeriodKind.DAY))
    await now_with(stage, MONTHLY)
    await reconciled(stage, (job.attempt_id, LESS))
    assert {"monthly": LESS} == await spent(stage)


async def test_of_one_that_an_earlier_version_opened_only_the_entries_speak(stage: Stage) -> None:
    job = await stage.made()
    await now_with(stage, MONTHLY, a_budget(id="new", period=PeriodKind.TOTAL))
    name = "team:marketing|total"
    registry = stage.keys.accounts()
    record = (await stage.client.read(("HGET", registry, name))).decode()
    await stage.client.call(("HSET", registry, name, "|".join(record.split("|")[:5])))
    await reconciled(stage, (job.attempt_id, LESS))
    assert {"monthly": LESS, "new": KLING_MICRO_USD} == await spent(stage)


async def test_what_nobody_explains_lands_in_the_period_that_runs(stage: Stage) -> None:
    """Though another time zone is written already, which begins with the next period."""
    west = replace(ALL, period=PeriodKind.DAY, timezone=ZoneInfo("Etc/GMT+12"))
    await now_with(stage, MONTHLY, org=[west])
    await stage.made()
    east = replace(west, timezone=ZoneInfo("Pacific/Kiritimati"))
    await now_with(stage, MONTHLY, org=[east])
    await reconciled(stage, ("orphan", 700))
    assert 700 == (await spent(stage))["all"]
