"""What happens to a job and its money is told once, by whoever made it true."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import StoreUnavailable
from proxy.domain.events import Admitted, Ended, Resolved
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.gateway import facts
from proxy.gateway.doubts import SETTLED_S
from proxy.gateway.outcome import Outcome
from proxy.gateway.ports.jobs import AlreadyEnded, NotBegun
from proxy.store.address import Address
from proxy.store.client import Client
from proxy.store.jobs import RedisJobs
from proxy.telemetry.metrics import Metrics
from tests.fakes import failing
from tests.gateway.clocks import ShiftedClock, SteppedClock
from tests.gateway.harness import KLING_MICRO_USD, a_video, wait_until
from tests.telemetry.samples import totals

if TYPE_CHECKING:
    from proxy.domain.ids import KeyId
    from proxy.gateway.ports.admission import Admission, AdmitCommand, AdmitResult
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


def ends(*stages: Stage) -> tuple[list[JobState], int]:
    """How jobs ended, and how many reservations were resolved, as all processes tell it."""
    ended = [event.state for stage in stages for event in stage.observer.of(Ended)]
    return ended, sum(len(stage.observer.of(Resolved)) for stage in stages)


async def test_two_workers_that_end_one_job(new_stage: StageMaker) -> None:
    stage, twin = new_stage(), new_stage()
    job = (await stage.create()).job
    await Outcome(stage.runtime).miss_deadline(job)
    with pytest.raises(AlreadyEnded):
        await Outcome(twin.runtime).miss_deadline(job)
    assert ([JobState.FAILED], 1) == ends(stage, twin)


async def test_two_clients_that_cancel_one_job(new_stage: StageMaker) -> None:
    stage, twin = new_stage(), new_stage()
    job = (await stage.create()).job
    for each in (stage, twin):
        found = await facts.cancel(each.runtime, job, is_forgotten=False)
        assert JobState.CANCELLED is found.state
    assert ([JobState.CANCELLED], 1) == ends(stage, twin)


async def test_a_cancel_of_a_job_that_a_worker_ended_meanwhile(new_stage: StageMaker) -> None:
    stage, twin = new_stage(), new_stage()
    job = (await stage.create()).job
    await Outcome(stage.runtime).miss_deadline(job)
    await facts.cancel(twin.runtime, job, is_forgotten=False)
    assert ([JobState.FAILED], 1) == ends(stage, twin)


async def test_a_cancel_of_a_job_that_came_back_to_its_queue_meanwhile(stage: Stage) -> None:
    job = (await stage.create()).job
    work = stage.runtime.work
    begun = await work.begin(job, account="main", running_max=1, lease_s=5.0)
    assert not isinstance(begun, NotBegun)
    await work.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=0.0)
    await facts.cancel(stage.runtime, begun, is_forgotten=False)
    assert ([JobState.CANCELLED], 1) == ends(stage)


async def test_what_was_reserved_was_charged_or_released(stage: Stage) -> None:
    """Also where a job failed over, was refused, was cancelled, or answered a retry."""
    stage.kling.submits.extend([failing(FailureKind.AUTH), failing(FailureKind.INVALID_INPUT)])
    jobs = [(await stage.create(replace(a_video(), prompt=f"fox {n}"))).job for n in range(4)]
    await stage.videos.cancel(stage.caller(), jobs[3].id)
    async with stage.working():
        for job in jobs:
            await stage.finished(job)
    keyed = [await stage.create(idempotency_key="k") for _ in range(2)]
    await stage.videos.cancel(stage.caller(), keyed[0].job.id)
    metrics = Metrics(ShiftedClock(0), version="0")
    for event in stage.observer.events:
        metrics.observe(event)
    usd = totals(metrics)
    attempts = [
        attempt for job in (*jobs, keyed[0].job) for attempt in (await stage.load(job)).attempts
    ]
    assert len(attempts) > 5
    reserved = sum(attempt.reserved_micro_usd for attempt in attempts) / 1e6
    assert pytest.approx(reserved) == usd["greenlight_reserved_usd_total"]
    assert pytest.approx(reserved) == (
        usd["greenlight_charged_usd_total"] + usd["greenlight_released_usd_total"]
    )


class DeafAdmission:
    """Admission of a store that does as it is told, and whose answers are lost."""

    def __init__(self, inner: Admission, *, is_deaf: bool = False) -> None:
        self._inner = inner
        self._is_deaf = is_deaf

    async def admit(self, command: AdmitCommand) -> AdmitResult:
        if not self._is_deaf:
            await self._inner.admit(command)
        raise StoreUnavailable(command.job.id, retry_after_s=5)

    async def note_refusal(
        self, key: KeyId, fingerprint: str, *, sdk_try: int, retry_after_s: int
    ) -> None:
        raise StoreUnavailable(key, retry_after_s=5)


async def lost(stage: Stage, *, is_deaf: bool = False) -> None:
    """A create whose answer is lost; a store that is deaf did not even hear of it."""
    heard = stage.runtime
    stage.runtime = replace(heard, admission=DeafAdmission(heard.admission, is_deaf=is_deaf))
    with pytest.raises(StoreUnavailable):
        await stage.create()
    stage.runtime = heard


async def test_an_admission_whose_answer_was_lost_is_told_once_it_is_known(
    new_stage: StageMaker,
) -> None:
    clock = SteppedClock()
    stage = new_stage(clock=clock)
    runtime = stage.runtime
    await lost(stage)
    replayed = await stage.create(sdk_try=1)
    assert replayed.is_replay
    await lost(stage, is_deaf=True)
    for seconds in (SETTLED_S - 1, 2.0, 0.0):
        clock.advance(seconds)
        await runtime.doubts.settle(runtime.jobs, runtime.observer, clock.monotonic_s())
    told = stage.observer.of(Admitted)
    assert [(True, 0), (False, KLING_MICRO_USD)] == [
        (event.is_replay, event.reserved_micro_usd) for event in told
    ]
    assert {replayed.job.id} == {event.job for event in told}
    assert 0 == len(runtime.doubts)


async def test_a_store_that_is_away_is_asked_again(new_stage: StageMaker) -> None:
    clock = SteppedClock()
    stage = new_stage(clock=clock)
    runtime = stage.runtime
    await lost(stage)
    clock.advance(SETTLED_S)
    nowhere = Client(Address(path=str(stage.folder / "no.sock")))
    away = RedisJobs(nowhere, stage.keys, retention_s=lambda _: 3600)
    await runtime.doubts.settle(away, runtime.observer, clock.monotonic_s())
    assert 1 == len(runtime.doubts)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(runtime.doubts.watch(runtime.jobs, runtime.observer, clock))

        async def is_told() -> bool:
            return [False] == [event.is_replay for event in stage.observer.of(Admitted)]

        await wait_until(is_told, "the admission")
        watching.cancel()
    await nowhere.close()
