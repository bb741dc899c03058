"""A machine whose clock is wrong: periods and deadlines are judged by the store's."""

from __future__ import annotations

import asyncio

import pytest

from proxy.domain.errors import StoreUnavailable
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from tests.fakes import failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.conftest import StageMaker
from tests.gateway.harness import KLING_MICRO_USD, VEO_MICRO_USD, wait_until

DAY_S = 86_400
MONTHS = [-400 * DAY_S, -40 * DAY_S, 40 * DAY_S, 400 * DAY_S]


@pytest.mark.parametrize("ahead_s", MONTHS)
async def test_a_create_follows_the_stores_clock(new_stage: StageMaker, ahead_s: float) -> None:
    stage = new_stage(clock=ShiftedClock(ahead_s))
    view = await stage.create()
    right = new_stage()
    assert (0, KLING_MICRO_USD) == await right.money()
    assert abs(stage.runtime.balances.now_ms() - right.runtime.balances.now_ms()) < 1000
    assert JobState.QUEUED is view.job.state


@pytest.mark.parametrize("ahead_s", MONTHS)
async def test_a_worker_follows_the_stores_clock(new_stage: StageMaker, ahead_s: float) -> None:
    right = new_stage()
    right.kling.submits.append(failing(FailureKind.AUTH))
    view = await right.create()
    wrong = new_stage(clock=ShiftedClock(ahead_s), kling=right.kling, vertex=right.vertex)
    async with wrong.working():
        job = await wrong.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert (VEO_MICRO_USD, 0) == await right.money()


async def test_a_clock_that_jumps_during_failover_is_followed(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    stage.kling.hold_submit = asyncio.Event()
    stage.kling.submits.append(failing(FailureKind.AUTH))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        clock.ahead_s = -40 * DAY_S
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    clock.ahead_s = 0
    stage.runtime.balances.follow(await stage.runtime.accounts.now_ms())
    assert (VEO_MICRO_USD, 0) == await stage.money()


async def test_a_clock_that_never_settles_admits_nothing(new_stage: StageMaker) -> None:
    stage = new_stage(clock=ShiftedClock(jump_s=40 * DAY_S))
    with pytest.raises(StoreUnavailable, match="clock"):
        await stage.create()
    assert (0, 0) == await new_stage().money()


async def test_a_clock_that_never_settles_reserves_no_further_attempt(
    new_stage: StageMaker,
) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    stage.may_report = True
    stage.kling.hold_submit = asyncio.Event()
    stage.kling.submits.append(failing(FailureKind.AUTH))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        clock.jump_s = -40 * DAY_S

        stage.kling.hold_submit.set()

        async def was_reported() -> bool:
            return bool(stage.reports)

        await wait_until(was_reported, "the report")
    ((what, error),) = stage.reports
    assert view.job.id == what
    assert "clock" in str(error)
    assert (0, KLING_MICRO_USD) == await new_stage().money()
