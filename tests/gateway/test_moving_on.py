"""A waiting job that moves on before anything was sent, and where a failed one may go."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.conditions import Closure
from proxy.domain.events import FailedOver, Resolved
from proxy.domain.failure import FailureKind
from proxy.domain.job import Job, JobError, JobState
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.jobs import LostLease
from tests.builders import (
    KLING,
    MARKETING,
    VERTEX,
    a_budget,
    a_price,
    a_team,
    an_offer,
)
from tests.fakes import failing
from tests.gateway.brief import Entry
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    a_video,
    fast_engine,
    fast_snapshot,
)

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

WAITED = JobError(code="no_slot", message="it waited for a slot for 600 s")
OFFERS = [
    an_offer(KLING, "m1", prices=[a_price("720p", 10_000)]),
    an_offer(VERTEX, "m2", prices=[a_price("720p", 20_000)]),
    an_offer(KLING, "m3", prices=[a_price("720p", 30_000)]),
]


@pytest.fixture
def three(new_stage: StageMaker) -> Stage:
    """A stage with three candidates; the second is at another provider than the others."""
    return new_stage(snapshot=fast_snapshot(offers=OFFERS))


async def moved_on(stage: Stage, job: Job, *, or_unhealthy: bool = False) -> Job | None:
    return await Outcome(stage.runtime).move_on(job, WAITED, or_unhealthy=or_unhealthy)


async def test_a_waiting_job_moves_on_with_its_money(stage: Stage) -> None:
    view = await stage.create()
    moved = await moved_on(stage, view.job)
    assert moved == await stage.load(view.job)
    assert moved is not None
    assert (JobState.QUEUED, VERTEX, 2) == (
        moved.state,
        moved.candidate.provider,
        moved.attempt.number,
    )
    assert (WAITED, None) == (moved.attempts[0].error, moved.error)
    assert (0, VEO_MICRO_USD) == await stage.money()
    assert [
        Entry("reserve", 1, KLING_MICRO_USD, 0, ""),
        Entry("release", 1, -KLING_MICRO_USD, 0, "no_slot"),
        Entry("reserve", 2, VEO_MICRO_USD, 0, ""),
    ] == await stage.ledger()
    (over,) = stage.observer.of(FailedOver)
    assert ("kling", "vertex", "no_slot") == (over.before, over.after, over.reason)
    assert 1 == len(stage.observer.of(Resolved))
    async with stage.working():
        assert JobState.COMPLETED is (await stage.finished(moved)).state
    assert [] == stage.kling.orders


async def test_without_room_it_keeps_its_place(new_stage: StageMaker) -> None:
    budget = a_budget(limit_micro_usd=KLING_MICRO_USD)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=[budget])]))
    view = await stage.create()
    assert await moved_on(stage, view.job) is None
    assert view.job == await stage.load(view.job)
    assert (0, KLING_MICRO_USD) == await stage.money()
    assert [] == stage.observer.of(FailedOver)


async def test_what_it_holds_is_room_for_where_it_goes(new_stage: StageMaker) -> None:
    budget = a_budget(limit_micro_usd=VEO_MICRO_USD)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=[budget])]))
    view = await stage.create()
    assert await moved_on(stage, view.job) is not None
    assert (0, VEO_MICRO_USD) == await stage.money()


async def test_it_goes_neither_back_nor_to_what_is_closed(three: Stage) -> None:
    view = await three.create()
    three.closures.close(OFFERS[1], Closure.UNHEALTHY)
    second = await moved_on(three, view.job)
    assert second is not None
    assert 2 == second.attempt.candidate
    assert await moved_on(three, second) is None


@pytest.mark.parametrize("why", list(Closure))
async def test_what_is_unhealthy_will_do_where_the_caller_says_so(
    three: Stage, why: Closure
) -> None:
    view = await three.create()
    for offer in OFFERS[1:]:
        three.closures.close(offer, why)
    assert await moved_on(three, view.job) is None
    moved = await moved_on(three, view.job, or_unhealthy=True)
    assert (moved is not None) == (why is Closure.UNHEALTHY)


async def test_a_job_that_somebody_else_took_is_theirs(stage: Stage) -> None:
    view = await stage.create()
    await stage.runtime.work.begin(view.job, account="main", running_max=9, lease_s=30)
    with pytest.raises(LostLease):
        await moved_on(stage, view.job)


async def test_only_attempts_that_were_sent_count(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), max_attempts=1)
    stage = new_stage(snapshot=fast_snapshot(offers=OFFERS, engine=engine))
    view = await stage.create()
    moved = await moved_on(stage, view.job)
    assert moved is not None
    stage.vertex.submits.append(failing(FailureKind.AUTH))
    async with stage.working():
        job = await stage.finished(moved)
    assert job.error is not None
    assert ("provider_auth", "max_attempts") == (job.error.code, job.stopped_by)
    assert 2 == len(job.attempts)


async def test_what_it_only_waited_for_is_left_for_a_failover(three: Stage) -> None:
    view = await three.create()
    moved = await moved_on(three, view.job)
    assert moved is not None
    three.vertex.submits.append(failing(FailureKind.AUTH))
    async with three.working():
        job = await three.finished(moved)
    assert JobState.COMPLETED is job.state
    assert [0, 1, 0] == [attempt.candidate for attempt in job.attempts]


async def test_what_was_sent_to_is_never_tried_again(three: Stage) -> None:
    three.kling.submits.extend([failing(FailureKind.AUTH)] * 3)
    three.vertex.submits.append(failing(FailureKind.AUTH))
    job = await three.made()
    assert JobState.FAILED is job.state
    assert [0, 1, 2] == [attempt.candidate for attempt in job.attempts]


@pytest.mark.parametrize(
    ("why", "tried"),
    [
        (Closure.UNHEALTHY, [0, 2, 1]),
        (Closure.DRAINED, [0, 2]),
        (Closure.MODEL_GONE, [0, 2]),
    ],
)
async def test_a_failover_prefers_what_is_not_closed(
    three: Stage, why: Closure, tried: list[int]
) -> None:
    view = await three.create()
    three.closures.close(OFFERS[1], why)
    # Twice at each: the first time it is asked once more.
    three.kling.submits.extend([failing(FailureKind.UNAVAILABLE)] * 4)
    async with three.working():
        job = await three.finished(view.job)
    assert tried == [attempt.candidate for attempt in job.attempts]
    assert job.team == MARKETING


async def test_what_costs_too_much_is_not_moved_on_to(stage: Stage) -> None:
    view = await stage.create(replace(a_video(), max_cost_micro_usd=KLING_MICRO_USD))
    assert await moved_on(stage, view.job) is None
