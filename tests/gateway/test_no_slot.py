"""Who waits too long for a slot goes on elsewhere, if there is room; nobody fails by waiting."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import FailedOver, Moved, ProviderCalled
from proxy.domain.job import JobError, JobState, Resolution
from proxy.gateway.outcome import Outcome
from proxy.gateway.queue import NO_SLOT
from proxy.store.ledger import RedisLedger
from tests.builders import KLING, MARKETING, OPENAI, VERTEX, a_budget, a_team, an_account
from tests.gateway.clocks import ShiftedClock
from tests.gateway.crowds import created
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.job_builders import a_job_id, a_mandate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.ids import ProviderName
    from proxy.domain.policy import Snapshot, Team
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

WAIT_S = 0.05


def impatient(
    slots: Mapping[ProviderName, int], *, teams: Sequence[Team] = (), max_attempts: int = 3
) -> Snapshot:
    """So many slots, and a worker that looks elsewhere for whoever waits for one."""
    engine = replace(
        fast_engine(), tick_s=0.005, max_queue_wait_s=WAIT_S, max_attempts=max_attempts
    )
    providers = [
        fast_provider(name, accounts=[an_account(slots=count)]) for name, count in slots.items()
    ]
    return fast_snapshot(engine=engine, providers=providers, teams=teams)


async def too_long(stage: Stage) -> None:
    """Wait until who was there at the start has waited too long, and was looked at."""
    clock = stage.runtime.clock
    until_s = clock.monotonic_s() + 2 * WAIT_S

    async def over() -> bool:
        return clock.monotonic_s() > until_s

    await wait_until(over, "the wait to be too long")
    await stage.turned(10)


async def test_a_job_that_waits_too_long_goes_on_where_there_is_room(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 1}))
    job = await stage.made()
    assert JobState.COMPLETED is job.state
    first, second = job.attempts
    assert JobError(code=NO_SLOT, message="no slot came free at kling in 0.05 s") == first.error
    assert (Resolution.RELEASED, NO_SLOT) == (first.resolution, first.resolved_by)
    assert (None, None) == (first.submitted_at_ms, first.account)
    assert (1, VEO_MICRO_USD) == (second.candidate, second.charged_micro_usd)
    (over,) = stage.observer.of(FailedOver)
    assert ("kling", "vertex", NO_SLOT) == (over.before, over.after, over.reason)
    assert NO_SLOT in [moved.code for moved in stage.observer.of(Moved)]
    assert {"vertex"} == {call.provider for call in stage.observer.of(ProviderCalled)}
    assert (VEO_MICRO_USD, 0) == await stage.money()
    assert [("reserve", 1), ("release", 1), ("reserve", 2), ("settle", 2)] == [
        (entry.kind, entry.attempt) for entry in await stage.ledger()
    ]


async def test_no_more_go_than_there_is_room_for(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 2}))
    stage.vertex.hold_submit = asyncio.Event()
    jobs = await created(stage, 5)
    async with stage.working():

        async def two_went() -> bool:
            return len(stage.vertex.orders) == 2

        await wait_until(two_went, "two jobs at vertex")
        await too_long(stage)
        now = [await stage.load(job) for job in jobs]
        assert [1, 1, 1, 2, 2] == sorted(len(job.attempts) for job in now)
        stage.vertex.hold_submit.set()
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state


@pytest.mark.parametrize("openai", [0, 1], ids=["nowhere", "where it cannot be made"])
async def test_without_room_elsewhere_a_job_waits_on(new_stage: StageMaker, openai: int) -> None:
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 0, OPENAI: openai}))
    view = await stage.create()
    async with stage.working():
        await too_long(stage)
        job = await stage.load(view.job)
        assert (JobState.QUEUED, 1) == (job.state, len(job.attempts))
        assert (0, KLING_MICRO_USD) == await stage.money()
        stage.reload(impatient({KLING: 1, VERTEX: 0}))
        assert JobState.COMPLETED is (await stage.finished(view.job)).state


async def test_a_job_whose_next_candidate_does_not_fit_waits_on(new_stage: StageMaker) -> None:
    team = a_team(budgets=[a_budget(limit_micro_usd=KLING_MICRO_USD)])
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 1}, teams=[team]))
    view = await stage.create()
    async with stage.working():
        await too_long(stage)
        job = await stage.load(view.job)
    assert (JobState.QUEUED, None) == (job.state, job.error)
    assert (0, KLING_MICRO_USD) == await stage.money()


async def test_waiting_in_line_uses_up_no_attempt(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 1}, max_attempts=1))
    job = await stage.made()
    assert (JobState.COMPLETED, 2) == (job.state, len(job.attempts))


async def test_a_deadline_after_mere_waiting_is_no_provider_s_failure(
    new_stage: StageMaker,
) -> None:
    clock = ShiftedClock()
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 0}), clock=clock)
    view = await stage.create(replace(a_video(), deadline_s=60))
    left = JobError(code=NO_SLOT, message="too long")
    assert await Outcome(stage.runtime).move_on(view.job, left) is not None
    async with stage.working():
        await stage.turned()
        clock.ahead_s = 61
        job = await stage.finished(view.job)
    assert job.error is not None
    assert (2, "deadline_exceeded", None) == (len(job.attempts), job.error.code, job.stopped_by)


@pytest.mark.parametrize("what", ["running", "frozen"])
async def test_who_waits_for_something_else_stays(new_stage: StageMaker, what: str) -> None:
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 9}, teams=[a_team(running=1)]))
    (job,) = await created(stage, 1)
    if what == "frozen":
        await RedisLedger(stage.client, stage.keys).freeze(a_mandate(), team=MARKETING)
    else:
        await stage.client.call(("SADD", stage.keys.running(MARKETING), a_job_id(9)))
    async with stage.working():
        await too_long(stage)
        assert 1 == len((await stage.load(job)).attempts)


async def test_where_others_stand_in_line_there_is_no_room(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=impatient({KLING: 0, VERTEX: 1}))
    (job,) = await created(stage, 1)
    elsewhere = (await stage.create(replace(a_video(), model="veo-3.1-fast"))).job
    line = stage.keys.waiting(MARKETING, VERTEX)
    await stage.client.call(("ZADD", line, 9_000_000_000_000, elsewhere.id))
    async with stage.working():
        await too_long(stage)
        assert 1 == len((await stage.load(job)).attempts)
