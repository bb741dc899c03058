"""Periods that end while jobs run, and zones that differ: what the store makes of the calendar.

Which period holds which instant is the table of tests/domain/test_calendar.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import BudgetExceeded
from proxy.domain.period import PeriodKind
from proxy.store.ledger import RedisLedger
from tests.builders import a_budget, a_team
from tests.gateway.harness import KLING_MICRO_USD, fast_snapshot, wait_until
from tests.zones import DAY_S, zone_of_yesterday, zone_without_midnight

if TYPE_CHECKING:
    from proxy.domain.policy import Budget
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

SOON_MS = 600
"""Zones change at whole seconds; two creates take far less than this."""


async def balances(stage: Stage) -> dict[tuple[str, str], tuple[str, ...]]:
    """The balances of every entry, by its job and kind."""
    entries = RedisLedger(stage.client, stage.keys).entries()
    return {(entry.job, entry.kind.value): entry.balances async for entry in entries}


def stage_with(new_stage: StageMaker, budget: Budget, *org: Budget) -> Stage:
    return new_stage(
        snapshot=fast_snapshot(teams=[a_team(budgets=[budget])], organisation_budgets=org)
    )


async def test_a_day_ends_at_a_midnight_that_does_not_exist(new_stage: StageMaker) -> None:
    """One video a day. What was reserved before midnight is settled after it, in its own day."""
    now_ms = await new_stage().runtime.accounts.now_ms()
    midnight_s = (now_ms + SOON_MS) // 1000 + 1
    budget = a_budget(
        period=PeriodKind.DAY,
        timezone=zone_without_midnight(midnight_s),
        limit_micro_usd=KLING_MICRO_USD,
    )
    stage = stage_with(new_stage, budget)
    before = (await stage.create()).job
    with pytest.raises(BudgetExceeded) as refused:
        await stage.create()
    midnight = datetime.fromtimestamp(midnight_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert midnight == refused.value.details["resets_at"]

    async def is_over() -> bool:
        return await stage.runtime.accounts.now_ms() >= midnight_s * 1000

    await wait_until(is_over, "midnight")
    after = (await stage.create()).job
    async with stage.working():
        for job in (before, after):
            await stage.finished(job)
    # The zone is behind UTC by the time of day: its day before this midnight is UTC's yesterday.
    yesterday, today = (
        datetime.fromtimestamp(midnight_s - ago_s, UTC).date().isoformat() for ago_s in (DAY_S, 0)
    )
    account = "team:marketing|day"
    assert {
        (before.id, "reserve"): (f"{account}|{yesterday}",),
        (before.id, "settle"): (f"{account}|{yesterday}",),
        (after.id, "reserve"): (f"{account}|{today}",),
        (after.id, "settle"): (f"{account}|{today}",),
    } == await balances(stage)
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_one_attempt_in_two_months(new_stage: StageMaker) -> None:
    """A fiscal month begins today in UTC; where the team is, it is still yesterday."""
    now_s = await new_stage().runtime.accounts.now_ms() // 1000
    today = datetime.fromtimestamp(now_s, UTC)
    behind = zone_of_yesterday(now_s)
    own = a_budget(timezone=behind, start_day=today.day)
    shared = a_budget(id="all", scope="org", start_day=today.day)
    stage = stage_with(new_stage, own, shared)
    job = await stage.made()
    last_month = datetime.fromtimestamp(now_s - today.day * DAY_S, UTC)
    names = (f"{own.account}|{last_month:%Y-%m}", f"{shared.account}|{today:%Y-%m}")
    assert {(job.id, "reserve"): names, (job.id, "settle"): names} == await balances(stage)
