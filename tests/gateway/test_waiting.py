"""Answers held until a job is over: woken at once, looked after otherwise, bounded, drained."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import JobNotFound, RateLimited
from proxy.domain.events import LimitChecked, StoreCalled
from proxy.domain.job import JobState, public_status
from proxy.domain.policy import RouteClass
from proxy.gateway.views import Patience
from proxy.gateway.waiting import WAITERS_MAX, Waiters
from proxy.store.address import Address
from proxy.store.client import Client
from proxy.store.jobs import RedisJobs
from proxy.store.keys import Keys
from tests.builders import a_rate_limit, a_team
from tests.fakes import PENDING, RecordingObserver
from tests.gateway.harness import fast_snapshot, wait_until
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from proxy.gateway.ports.jobs import Jobs
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

LONG_S = 15.0


def patient(wait_s: float = LONG_S, *, is_gone: Callable[[], bool] = lambda: False) -> Patience:
    return Patience(wait_s=wait_s, is_gone=is_gone)


class QuickClock:
    """A clock whose sleeps are short, and counted."""

    def __init__(self) -> None:
        self.sleeps = 0

    def now_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        for _ in range(3):
            await asyncio.sleep(seconds / 1000)


@asynccontextmanager
async def watched(stage: Stage, jobs: Jobs | None = None) -> AsyncIterator[QuickClock]:
    """The look at awaited jobs, often."""
    clock = QuickClock()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(stage.waiters.watch(jobs or stage.runtime.jobs, clock))
        yield clock
        watching.cancel()


@contextmanager
def crowd(waiters: Waiters, size: int) -> Iterator[None]:
    """So many others that wait."""
    if size == 0:
        yield
        return
    with waiters.place(a_job_id(size), lambda: False), crowd(waiters, size - 1):
        yield


async def someone_waits(stage: Stage, count: int = 1) -> None:
    async def there() -> bool:
        return len(stage.waiters) == count

    await wait_until(there, f"{count} waiters")


async def test_a_patient_read_is_answered_when_the_job_ends(stage: Stage) -> None:
    view = await stage.create()
    held = asyncio.ensure_future(stage.videos.get(stage.caller(), view.job.id, patience=patient()))
    await someone_waits(stage)
    async with stage.working():
        answer = await held
    assert (JobState.COMPLETED, True) == (answer.job.state, answer.has_waited)
    assert ["poll"] == [bucket.name for bucket in answer.buckets]
    assert 1 == [e.limit_class for e in stage.observer.of(LimitChecked)].count("poll")
    assert 0 == len(stage.waiters)


async def test_a_patient_create_is_answered_when_the_job_ends(stage: Stage) -> None:
    async with stage.working():
        view = await stage.create(patience=patient())
    assert (JobState.COMPLETED, True) == (view.job.state, view.has_waited)
    assert ["submit"] == [bucket.name for bucket in view.buckets]
    replay = await stage.create(idempotency_key="k", patience=patient(0.01))
    assert not replay.is_replay
    replay = await stage.create(idempotency_key="k", patience=patient(0.01))
    assert (True, True) == (replay.is_replay, replay.has_waited)


async def test_patience_ends_with_the_job_as_it_stands(stage: Stage) -> None:
    stage.kling.statuses.extend([PENDING] * 500)
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.RUNNING)
        answer = await stage.videos.get(stage.caller(), view.job.id, patience=patient(0.05))
    assert (JobState.RUNNING, True) == (answer.job.state, answer.has_waited)


async def test_a_job_that_is_over_is_answered_at_once(stage: Stage) -> None:
    job = await stage.made()
    view = await stage.videos.get(stage.caller(), job.id, patience=patient())
    assert view.has_waited
    with pytest.raises(JobNotFound):
        await stage.videos.get(stage.caller(), "nonsense", patience=patient())


async def test_a_job_that_another_process_ends_is_noticed(new_stage: StageMaker) -> None:
    front, back = new_stage(), new_stage()
    view = await front.create()
    async with watched(front), back.working():
        held = await front.videos.get(front.caller(), view.job.id, patience=patient())
    assert JobState.COMPLETED is held.job.state


@pytest.mark.parametrize("forgets", [False, True])
async def test_a_cancel_ends_the_wait(stage: Stage, forgets: bool) -> None:
    view = await stage.create()
    held = asyncio.ensure_future(stage.videos.get(stage.caller(), view.job.id, patience=patient()))
    await someone_waits(stage)
    if forgets:
        await stage.videos.delete(stage.caller(), view.job.id)
        with pytest.raises(JobNotFound):
            await held
    else:
        await stage.videos.cancel(stage.caller(), view.job.id)
        assert "failed" == public_status((await held).job)


async def test_a_cancel_at_another_process_is_noticed_while_the_job_goes_on(
    new_stage: StageMaker,
) -> None:
    front, back = new_stage(), new_stage()
    back.kling.statuses.extend([PENDING] * 500)
    view = await front.create()
    async with watched(front), back.working():
        await back.reached(view.job, JobState.RUNNING)
        held = asyncio.ensure_future(
            front.videos.get(front.caller(), view.job.id, patience=patient())
        )
        await someone_waits(front)
        await back.videos.cancel(back.caller(), view.job.id)
        assert "failed" == public_status((await held).job)


async def test_a_client_that_leaves_is_not_waited_for(stage: Stage) -> None:
    view = await stage.create()
    gone = asyncio.Event()
    held = asyncio.ensure_future(
        stage.videos.get(stage.caller(), view.job.id, patience=patient(is_gone=gone.is_set))
    )
    async with watched(stage):
        await someone_waits(stage)
        gone.set()
        await held
    assert 0 == len(stage.waiters)


async def test_a_drain_answers_everybody_and_lets_nobody_wait(stage: Stage) -> None:
    view = await stage.create()
    held = asyncio.ensure_future(stage.videos.get(stage.caller(), view.job.id, patience=patient()))
    await someone_waits(stage)
    stage.videos.drain()
    let_go = await held
    assert (JobState.QUEUED, False) == (let_go.job.state, let_go.has_waited)
    late = await stage.videos.get(stage.caller(), view.job.id, patience=patient())
    assert not late.has_waited


async def test_waiters_are_bounded(stage: Stage) -> None:
    view = await stage.create()
    few = Waiters(waiters_max=2)
    with crowd(few, 2), few.place(view.job.id, lambda: False) as waiter:
        assert waiter is None
    with few.place(view.job.id, lambda: False) as waiter:
        assert waiter is not None
    assert 0 == len(few)
    with stage.waiters.place(view.job.id, lambda: False):
        assert 1 == len(stage.waiters) < WAITERS_MAX


async def test_many_wait_for_one_read_a_look(stage: Stage) -> None:
    """The store is asked about each awaited job once a look, however many wait for it."""
    view = await stage.create()
    seen = RecordingObserver()
    client = Client(stage.client.address, observer=seen)
    jobs = RedisJobs(client, Keys(), retention_s=lambda _: 3600)
    async with watched(stage, jobs) as clock:
        for _ in range(5):
            await asyncio.sleep(0)
        assert (0, []) == (clock.sleeps, seen.of(StoreCalled))
        held = [
            asyncio.ensure_future(
                stage.videos.get(stage.caller(), view.job.id, patience=patient())
            )
            for _ in range(10)
        ]
        await someone_waits(stage, 10)

        async def looked() -> bool:
            return clock.sleeps > 2

        await wait_until(looked, "two looks")
        assert len(seen.of(StoreCalled)) <= clock.sleeps
        stage.videos.drain()
        await asyncio.gather(*held)
    await client.close()


async def test_a_look_without_the_store_is_made_up_for(stage: Stage) -> None:
    view = await stage.create()
    gone = RedisJobs(
        Client(Address(path="/nonexistent/socket")), Keys(), retention_s=lambda _: 3600
    )
    async with watched(stage, gone) as clock:
        held = asyncio.ensure_future(
            stage.videos.get(stage.caller(), view.job.id, patience=patient(0.1))
        )

        async def looked() -> bool:
            return clock.sleeps > 2

        await wait_until(looked, "two looks")
        assert JobState.QUEUED is (await held).job.state


async def test_a_refused_read_does_not_wait(new_stage: StageMaker) -> None:
    once = a_rate_limit(capacity=1, interval_us=10**12)
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits={RouteClass.POLL: once})]))
    view = await stage.create()
    await stage.videos.get(stage.caller(), view.job.id)
    with pytest.raises(RateLimited):
        await stage.videos.get(stage.caller(), view.job.id, patience=patient())
    assert 0 == len(stage.waiters)
