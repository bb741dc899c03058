"""Render times are learned from completed jobs and shared through the store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.events import Ended
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.domain.render_times import POLL_AFTER_MS, SAMPLES_MIN
from proxy.gateway.render_times import LearnedTimes
from proxy.gateway.samples import EXCHANGE_S
from proxy.store.address import Address
from proxy.store.client import Client
from proxy.store.keys import Keys
from proxy.store.samples import RedisSamples
from tests.fakes import failing
from tests.gateway.harness import a_video, wait_until

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

OFFER = "kling/kling-v3"


class CountingClock:
    """A clock whose sleeps are only counted; after so many it ends whoever sleeps."""

    def __init__(self, sleeps_max: int) -> None:
        self.sleeps: list[float] = []
        self._sleeps_max = sleeps_max

    def now_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if len(self.sleeps) >= self._sleeps_max:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


def samples_of(stage: Stage) -> RedisSamples:
    return RedisSamples(stage.client, Keys().renders())


async def made(stage: Stage, count: int) -> str:
    """Complete some jobs; returns their offer."""
    offers = set()
    for number in range(count):
        job = await stage.made(replace(a_video(), prompt=f"fox {number}"))
        assert JobState.COMPLETED is job.state
        offers.add(job.candidate.offer_id)
    (offer,) = offers
    return offer


async def test_what_one_process_learns_all_processes_know(new_stage: StageMaker) -> None:
    stage, other = new_stage(), new_stage()
    offer = await made(stage, SAMPLES_MIN)
    assert stage.render_times.of(offer) is None
    await stage.render_times.exchange(samples_of(stage))
    await other.render_times.exchange(samples_of(other))
    for spread in (stage.render_times.of(offer), other.render_times.of(offer)):
        assert spread is not None
        assert 0 < spread.p20_s <= spread.p50_s <= spread.p95_s < 5


async def test_a_poll_is_asked_back_sooner_once_renders_are_known_to_be_short(
    stage: Stage,
) -> None:
    view = await stage.create()
    assert POLL_AFTER_MS == (await stage.videos.get(stage.caller(), view.job.id)).poll_after_ms
    async with stage.working():
        await stage.finished(view.job)
    await made(stage, SAMPLES_MIN)
    await stage.render_times.exchange(samples_of(stage))
    again = await stage.videos.get(stage.caller(), view.job.id)
    assert again.poll_after_ms < POLL_AFTER_MS
    assert again.poll_every_ms < POLL_AFTER_MS


async def test_only_completed_renders_count(stage: Stage) -> None:
    for _ in range(SAMPLES_MIN):
        stage.kling.submits.append(failing(FailureKind.INVALID_INPUT))
        await stage.made()
    assert len(stage.observer.of(Ended)) == SAMPLES_MIN
    await stage.render_times.exchange(samples_of(stage))
    assert {} == await samples_of(stage).exchange({})


async def test_without_the_store_nothing_fails_and_nothing_is_forgotten(stage: Stage) -> None:
    offer = await made(stage, SAMPLES_MIN)
    await stage.render_times.exchange(samples_of(stage))
    known = stage.render_times.of(offer)
    gone = Client(Address(path="/nonexistent/socket"))
    await stage.render_times.exchange(RedisSamples(gone, Keys().renders()))
    assert known is stage.render_times.of(offer)


async def test_sharing_goes_on_at_intervals(stage: Stage) -> None:
    clock = CountingClock(3)
    sharing = asyncio.ensure_future(LearnedTimes().share(samples_of(stage), clock))
    await wait_until(lambda: _is_done(sharing), "three exchanges")
    assert [EXCHANGE_S] * 3 == clock.sleeps


async def _is_done(task: asyncio.Future[None]) -> bool:
    return task.done()
