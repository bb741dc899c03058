"""The worker itself: woken, fair, bounded, drained; the units it is made of."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import Ended
from proxy.domain.failure import FailureKind
from proxy.domain.ids import TeamId
from proxy.domain.job import JobState
from proxy.domain.policy import PollTimes
from proxy.gateway.balances import BalanceBook
from proxy.gateway.names import input_name, shared_input_name, video_name
from proxy.gateway.ports.jobs import LostLease
from proxy.gateway.views import Caller
from tests.builders import KLING, a_key, a_snapshot, a_team, an_account
from tests.fakes import PENDING, failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.crowds import created, submitted
from tests.gateway.harness import (
    KLING_MICRO_USD,
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.gateway.outages import Loss
from tests.job_builders import a_job, a_job_id

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

OTHERS = TeamId("others")
OTHER_KEY = "gl_zzzzzzzz_" + "s" * 43


async def created_by_others(stage: Stage, count: int) -> list[Job]:
    caller = Caller(key=a_key(printed=OTHER_KEY, team=OTHERS), team=stage.snapshot.teams[OTHERS])
    views = [
        await stage.videos.create(
            caller, a_video(), fingerprint=f"{number:064}", idempotency_key=None, sdk_try=0
        )
        for number in range(count)
    ]
    return [view.job for view in views]


async def test_a_create_wakes_the_worker(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), tick_s=60.0)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    async with stage.working():
        view = await stage.create()
        assert JobState.COMPLETED is (await stage.finished(view.job)).state


async def test_slots_go_to_the_team_with_the_least_under_way(new_stage: StageMaker) -> None:
    teams = [a_team(), a_team(id=OTHERS)]
    keys = [a_key(), a_key(printed=OTHER_KEY, team=OTHERS)]
    kling = fast_provider(KLING, accounts=[an_account(slots=4)])
    stage = new_stage(snapshot=fast_snapshot(teams=teams, keys=keys, providers=[kling]))
    stage.kling.hold_submit = asyncio.Event()
    many = await created(stage, 8)
    few = await created_by_others(stage, 3)
    async with stage.working():
        await submitted(stage, 4)
    states = [(await stage.load(job)).state for job in (*many, *few)]
    assert 2 == states[:8].count(JobState.SUBMITTING)
    assert 2 == states[8:].count(JobState.SUBMITTING)


async def test_a_teams_weight_is_its_share(new_stage: StageMaker) -> None:
    teams = [replace(a_team(), weight=3), a_team(id=OTHERS)]
    keys = [a_key(), a_key(printed=OTHER_KEY, team=OTHERS)]
    kling = fast_provider(KLING, accounts=[an_account(slots=4)])
    stage = new_stage(snapshot=fast_snapshot(teams=teams, keys=keys, providers=[kling]))
    stage.kling.hold_submit = asyncio.Event()
    many = await created(stage, 8)
    others = await created_by_others(stage, 8)
    async with stage.working():
        await submitted(stage, 4)
    states = [(await stage.load(job)).state for job in (*many, *others)]
    assert 3 == states[:8].count(JobState.SUBMITTING)
    assert 1 == states[8:].count(JobState.SUBMITTING)


async def test_slow_submits_leave_room_for_jobs_under_way(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), concurrency=4)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    stage.kling.statuses.extend([PENDING] * 4)
    (running,) = await created(stage, 1)
    async with stage.working():
        await stage.reached(running, JobState.RUNNING)
        stage.kling.hold_submit = asyncio.Event()
        await created(stage, 6)
        await submitted(stage, 4)
        assert JobState.COMPLETED is (await stage.finished(running)).state


async def test_a_full_worker_claims_nothing_more(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), concurrency=1)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    stage.kling.hold_submit = asyncio.Event()
    jobs = await created(stage, 2)
    script = stage.lossy()
    async with stage.working():
        await submitted(stage, 1)
        script.calls.clear()
        await stage.turned()
        assert "due" not in script.calls
        stage.kling.hold_submit.set()
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state


async def test_a_worker_that_drains_ends_its_steps_and_starts_nothing(stage: Stage) -> None:
    stage.kling.hold_submit = asyncio.Event()
    first, *_ = await created(stage, 1)
    async with asyncio.TaskGroup() as group:
        worker = stage.worker()
        running = group.create_task(worker.run())
        await submitted(stage, 1)
        worker.drain()
        (second,) = [(await stage.create(replace(a_video(), prompt="late"))).job]
        stage.kling.hold_submit.set()
        await running
    assert JobState.RUNNING is (await stage.load(first)).state
    assert JobState.QUEUED is (await stage.load(second)).state
    assert 1 == len(stage.kling.orders)


async def test_a_worker_that_drains_in_mid_turn_dispatches_no_more(stage: Stage) -> None:
    jobs = await created(stage, 3)
    script = stage.lossy()
    worker = stage.worker()

    async def drain() -> None:
        worker.drain()

    script.interruptions["begin"] = drain
    await worker.run()
    states = [(await stage.load(job)).state for job in jobs]
    assert [JobState.RUNNING, JobState.QUEUED, JobState.QUEUED] == sorted(
        states, key=lambda state: state is JobState.QUEUED
    )


async def test_a_worker_cancelled_before_a_step_began_leaves_no_loose_end(
    stage: Stage,
) -> None:
    await created(stage, 1)
    script = stage.lossy()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(stage.worker().run())

        async def cancel() -> None:
            running.cancel()

        script.interruptions["lines"] = cancel
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await asyncio.wait((running,))
    assert running.cancelled()
    assert [] == stage.kling.orders


async def test_a_store_that_is_away_is_reported_and_waited_for(stage: Stage) -> None:
    view = await stage.create()
    script = stage.lossy()
    script.lose("due", *[Loss.QUESTION] * 3)
    async with stage.working():
        job = await stage.finished(view.job)
    assert JobState.COMPLETED is job.state
    assert ["turn"] * 3 == [what for what, _ in stage.reports]


async def test_a_job_in_a_state_nobody_expects_is_reported_and_left(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), lease_s=0.05)
    stage = new_stage(snapshot=fast_snapshot(engine=engine))
    view = await stage.create()
    keys, stage.may_report = stage.keys, True
    await stage.client.call(("ZREM", keys.waiting(view.job.team, KLING), view.job.id))
    await stage.client.call(("ZADD", keys.due(), 1, view.job.id))
    async with stage.working():

        async def was_reported() -> bool:
            return bool(stage.reports)

        await wait_until(was_reported, "the report")
    what, error = stage.reports[0]
    assert (view.job.id, "queued jobs are never due") == (what, str(error))


async def test_many_jobs_end_each_once(new_stage: StageMaker) -> None:
    poll = PollTimes(first_s=0.0, min_s=0.01, max_s=0.01)
    kling = fast_provider(KLING, accounts=[an_account(slots=5)], poll=poll)
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    stage.kling.submits.extend([failing(FailureKind.UNAVAILABLE)] * 7)
    jobs = await created(stage, 20)
    async with stage.working():
        ended = [await stage.finished(job) for job in jobs]
    assert {JobState.COMPLETED} == {job.state for job in ended}
    assert 20 == len(stage.observer.of(Ended))
    spent, reserved = await stage.money()
    assert 0 == reserved
    assert spent >= 20 * KLING_MICRO_USD


def test_balances_are_computed_again_for_another_configuration() -> None:
    book = BalanceBook(ShiftedClock())
    snapshot = a_snapshot()
    (team,) = snapshot.teams.values()
    first = book.of(snapshot, team, None)
    assert first is book.of(snapshot, team, None)
    changed = replace(snapshot, digest="another")
    assert first == book.of(changed, team, None)
    assert first is not book.of(changed, team, None)


def test_balances_end_with_their_period() -> None:
    clock = ShiftedClock()
    book = BalanceBook(clock)
    snapshot = a_snapshot()
    (team,) = snapshot.teams.values()
    first = book.of(snapshot, team, None)
    clock.ahead_s = 40 * 86_400
    assert first[0].name != book.of(snapshot, team, None)[0].name


def test_objects_have_names_of_their_own() -> None:
    assert f"videos/marketing/{a_job_id()}.mp4" == video_name(a_job())
    job = a_job()
    assert f"inputs/marketing/{job.id}.ab" == input_name(job.team, job.id, "ab")
    assert "inputs/ab" == shared_input_name("ab")


async def test_a_stale_fence_is_a_lost_lease(stage: Stage) -> None:
    view = await stage.create()
    stale = replace(view.job, fence=7)
    with pytest.raises(LostLease):
        await stage.runtime.work.commit(stale, stale, due_in_s=1.0)
