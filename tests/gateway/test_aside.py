"""Waiting jobs that cannot go on hide nobody behind them, and cost no reads while they wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.conditions import Closure
from proxy.domain.job import JobState
from proxy.domain.policy import RouteClass
from proxy.domain.video import Substitute
from proxy.gateway.aside import Aside, Stayed
from proxy.gateway.queue import PLACES_MAX, SUSPECT_S
from tests.builders import KLING, VERTEX, a_rate_limit, a_team, an_account
from tests.gateway.clocks import ShiftedClock, SteppedClock
from tests.gateway.harness import a_video, fast_provider, fast_snapshot
from tests.job_builders import a_candidate, a_job, a_job_id, a_plan

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


def for_model(number: int, model: str = "kling-3.0") -> Job:
    return a_job(id=a_job_id(number), plan=a_plan(a_candidate(KLING, model)))


def test_a_job_is_passed_over_for_a_while() -> None:
    clock = SteppedClock()
    aside = Aside(clock)
    first, second = a_job_id(1), a_job_id(2)
    aside.put(first, 5.0)
    assert (True, False) == (aside.has(first), aside.has(second))
    aside.put(second, 5.0)
    aside.take_back(second)
    aside.take_back(second)
    assert not aside.has(second)
    clock.advance(6.0)
    assert not aside.has(first)


def test_all_that_are_for_the_same_are_passed_over() -> None:
    clock = SteppedClock()
    aside = Aside(clock)
    jobs = [for_model(0), for_model(1), for_model(2, "kling-2.6"), for_model(3)]
    for job in jobs[:3]:
        aside.learn(job)
    aside.turn_away(jobs[0], 5.0)
    # What the last one is for has not been seen.
    assert [True, True, False, False] == [aside.has(job.id) for job in jobs]
    clock.advance(6.0)
    assert not any(aside.has(job.id) for job in jobs)


def test_a_job_that_is_bound_to_an_account_is_turned_away_alone() -> None:
    aside = Aside(SteppedClock())
    bound, free = for_model(0), for_model(1)
    bound = replace(bound, attempts=(replace(bound.attempt, account="main"),))
    for job in (bound, free):
        aside.learn(job)
    aside.turn_away(bound, 5.0)
    assert (True, False) == (aside.has(bound.id), aside.has(free.id))


def test_what_is_remembered_is_bounded() -> None:
    clock = SteppedClock()
    aside = Aside(clock, most=9)
    for number in range(9):
        aside.put(a_job_id(number), 1.0)
        aside.learn(for_model(number))
    aside.turn_away(for_model(7), 60.0)
    clock.advance(2.0)
    aside.put(a_job_id(9), 1.0)
    aside.learn(for_model(9))
    assert [False] * 9 + [True] == [aside.has(a_job_id(number)) for number in range(10)]


def test_who_stayed_is_asked_again_where_that_was_not_tried() -> None:
    clock = SteppedClock()
    stayed = Stayed(clock, most=2)
    job, both = a_job_id(1), frozenset((KLING, VERTEX))
    assert not stayed.would_stay(job, both)
    stayed.note(job, frozenset((KLING,)), 30.0)
    assert stayed.would_stay(job, frozenset((KLING,)))
    assert not stayed.would_stay(job, both)
    stayed.note(job, both, 30.0)
    assert stayed.would_stay(job, both)
    clock.advance(31.0)
    assert not stayed.would_stay(job, both)


def test_of_too_many_who_stayed_the_last_is_remembered() -> None:
    stayed = Stayed(SteppedClock(), most=2)
    for number in range(3):
        stayed.note(a_job_id(number), frozenset((KLING,)), 30.0)
    seen = [stayed.would_stay(a_job_id(number), frozenset((KLING,))) for number in range(3)]
    assert [False, False, True] == seen


async def one_by_one(stage: Stage, model: str, count: int) -> list[Job]:
    """Videos that only one offer can make."""
    asked = replace(a_video(), model=model, substitute=Substitute.NEVER, seconds=5)
    views = [
        await stage.create(replace(asked, prompt=f"{model} {number}")) for number in range(count)
    ]
    return [view.job for view in views]


def wide(new_stage: StageMaker, *, slots: int = 8) -> Stage:
    team = a_team(limits={RouteClass.SUBMIT: a_rate_limit(capacity=10_000)}, running=100)
    kling = fast_provider(KLING, accounts=[an_account(slots=slots)])
    return new_stage(snapshot=fast_snapshot(teams=[team], providers=[kling]))


def close(stage: Stage, model: str) -> None:
    (offer,) = (each for each in stage.snapshot.offers if each.model == model)
    stage.closures.close(offer, Closure.DRAINED)


async def test_a_job_behind_many_that_are_held_up_goes_on(new_stage: StageMaker) -> None:
    stage = wide(new_stage)
    held = await one_by_one(stage, "kling-3.0", 2 * PLACES_MAX + 20)
    (behind,) = await one_by_one(stage, "kling-2.6", 1)
    line, now_ms = stage.keys.waiting(behind.team, KLING), behind.attempt.reserved_at_ms
    for job in held:
        await stage.client.call(("ZADD", line, now_ms - 1, job.id))
    close(stage, "kling-3.0")
    script = stage.lossy()
    async with stage.working():
        assert JobState.COMPLETED is (await stage.finished(behind)).state
        script.calls.clear()
        await stage.turned(20)
    # Once they have been seen, one of them is asked for all.
    assert script.calls.count("load") <= script.calls.count("lines") + 2
    assert 1 == len(stage.kling.orders)


async def test_a_job_that_is_held_up_ends_at_its_deadline(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    (job,) = await one_by_one(stage, "kling-3.0", 1)
    close(stage, "kling-3.0")
    async with stage.working():
        await stage.turned()
        clock.ahead_s = job.deadline_at_ms / 1000 - clock.now_s() + 1
        ended = await stage.finished(job)
    assert ended.error is not None
    assert "deadline_exceeded" == ended.error.code


async def test_a_step_that_breaks_off_keeps_nobody_waiting(new_stage: StageMaker) -> None:
    stage = wide(new_stage, slots=1)
    broken, job = await one_by_one(stage, "kling-3.0", 2)
    for place, each in enumerate((broken, job)):
        line = stage.keys.waiting(each.team, KLING)
        await stage.client.call(("ZADD", line, place + 1, each.id))
    script = stage.lossy()

    async def breaks() -> None:
        message = "nobody expected this"
        raise ValueError(message)

    script.interruptions["take"] = breaks
    async with stage.working():
        assert JobState.COMPLETED is (await stage.finished(job)).state
        assert JobState.QUEUED is (await stage.load(broken)).state
    assert [broken.id] == [what for what, _ in stage.reports]
    assert SUSPECT_S > 1
