"""A job as its client follows it: every change that shows, the newest state, and a sure end."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from proxy.domain.errors import JobNotFound, RateLimited, ServerBusy, StoreUnavailable
from proxy.domain.events import LimitChecked
from proxy.domain.failure import FailureKind
from proxy.domain.ids import TeamId
from proxy.domain.job import mark_of
from proxy.gateway.following import BEHIND_S_MAX, LIFE_S, Following, follow
from proxy.gateway.ports.provider import Pending
from proxy.gateway.waiting import STREAMS_PER_TEAM, Waiters
from proxy.store.jobs import RedisJobs
from proxy.store.ledger import RedisLedger
from tests.builders import MARKETING, a_key
from tests.fakes import failing
from tests.gateway.clocks import SteppedClock
from tests.gateway.harness import wait_until
from tests.gateway.test_waiting import watched
from tests.job_builders import a_job_id, a_mandate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from proxy.domain.bucket import Bucket, BucketState
    from proxy.domain.ids import JobId, KeyId
    from proxy.domain.job import Job
    from proxy.gateway.views import JobView
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEVER_S = 60.0
AWAY = "the store does not answer"


@dataclass
class Eye:
    """A reader; what it was told is kept by whoever reads for it."""

    gone: bool = False
    behind: bool = False
    asked: int = 0

    def is_gone(self) -> bool:
        return self.gone

    def is_behind(self) -> bool:
        self.asked += 1
        return self.behind

    async def was_asked(self, count: int = 2) -> None:
        """Wait until it was asked so often more whether it is behind."""
        goal = self.asked + count

        async def there() -> bool:
            return self.asked >= goal

        await wait_until(there, "the reader to be looked at")


@dataclass
class Told:
    """What a reader has been told, and whether the stream has ended."""

    views: list[JobView | None] = field(default_factory=list)
    has_ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def marks(self) -> list[str]:
        return [mark_of(view.job) for view in self.views if view is not None]


async def listen(following: Following, told: Told, keep_alive_s: float = NEVER_S) -> None:
    told.views.append(following.view)
    async for view in following.news(keep_alive_s=keep_alive_s):
        told.views.append(view)
    told.has_ended.set()


@asynccontextmanager
async def followed(
    stage: Stage, job_id: str, eye: Eye | None = None, *, keep_alive_s: float = NEVER_S
) -> AsyncIterator[Told]:
    """What somebody is told who follows a job while the block lasts."""
    told = Told()
    async with (
        follow(stage.runtime, stage.caller(), job_id, eye or Eye()) as following,
        asyncio.TaskGroup() as group,
    ):
        listening = group.create_task(listen(following, told, keep_alive_s))
        await asyncio.sleep(0)
        yield told
        listening.cancel()


async def ends(told: Told) -> None:
    await asyncio.wait_for(told.has_ended.wait(), 8)


async def test_a_job_is_followed_from_its_create_to_its_end(stage: Stage) -> None:
    view = await stage.create()
    async with followed(stage, view.job.id) as told, stage.working():
        await ends(told)
    assert ("queued-1-0", "completed") == (told.marks[0], told.marks[-1])
    assert len(set(told.marks)) == len(told.marks) > 2, "each state once"
    assert {"in_progress"} == {mark.partition("-")[0] for mark in told.marks[1:-1]}
    assert 0 == len(stage.waiters) == stage.waiters.streams
    assert ["poll"] == [bucket.name for bucket in told.views[0].buckets]  # type: ignore[union-attr] # the first is a view
    assert 1 == [e.limit_class for e in stage.observer.of(LimitChecked)].count("poll")


async def test_progress_that_another_process_made_is_told(new_stage: StageMaker) -> None:
    front, back = new_stage(), new_stage()
    back.kling.statuses.extend([Pending(progress=20)] * 15 + [Pending(progress=60)] * 15)
    view = await front.create()
    async with watched(front), followed(front, view.job.id) as told, back.working():
        await ends(told)
    assert {"in_progress-1-20", "in_progress-1-60"} < set(told.marks)
    assert "completed" == told.marks[-1]


async def test_a_second_attempt_is_told(new_stage: StageMaker) -> None:
    stage = new_stage()
    stage.kling.submits.extend([failing(FailureKind.UNAVAILABLE)] * 2)
    view = await stage.create()
    async with followed(stage, view.job.id) as told, stage.working():
        await ends(told)
    assert ["1", "2"] == sorted({mark.split("-")[1] for mark in told.marks[:-1]})


async def test_a_job_that_is_over_is_told_once(stage: Stage) -> None:
    job = await stage.made()
    async with followed(stage, job.id) as told:
        await ends(told)
    assert ["completed"] == told.marks


async def test_who_hears_nothing_is_told_that_somebody_is_there(stage: Stage) -> None:
    view = await stage.create()
    async with followed(stage, view.job.id, keep_alive_s=0.01) as told:

        async def two() -> bool:
            return told.views.count(None) >= 2

        await wait_until(two, "two signs of life")
    assert ["queued-1-0"] == told.marks


@pytest.mark.parametrize("forgets", [False, True])
async def test_a_cancel_ends_the_stream(stage: Stage, forgets: bool) -> None:
    view = await stage.create()
    async with followed(stage, view.job.id) as told:
        if forgets:
            await stage.videos.delete(stage.caller(), view.job.id)
        else:
            await stage.videos.cancel(stage.caller(), view.job.id)
        await ends(told)
    assert ["queued-1-0", *(() if forgets else ("failed",))] == told.marks


async def test_a_record_whose_time_is_over_ends_the_stream(stage: Stage) -> None:
    view = await stage.create()
    eye = Eye(behind=True)
    async with watched(stage), followed(stage, view.job.id, eye) as told:
        await stage.videos.cancel(stage.caller(), view.job.id)
        await stage.client.call(("DEL", stage.keys.job(view.job.id)))
        eye.behind = False
        await ends(told)
    assert ["queued-1-0"] == told.marks


async def test_a_revoked_key_is_told_nothing_more(stage: Stage) -> None:
    view = await stage.create()
    async with followed(stage, view.job.id) as told:
        ledger = RedisLedger(stage.client, stage.keys)
        await ledger.revoke_key(MARKETING, a_key().id, a_mandate())
        stage.waiters.wake(view.job.id)
        await ends(told)
    assert ["queued-1-0"] == told.marks


async def test_a_reader_that_leaves_is_let_go(stage: Stage) -> None:
    view = await stage.create()
    eye = Eye()
    async with watched(stage), followed(stage, view.job.id, eye) as told:
        eye.gone = True
        await ends(told)
    assert 0 == stage.waiters.streams


async def test_a_reader_that_is_behind_gets_the_newest_state_when_it_is_ready(
    stage: Stage,
) -> None:
    stage.kling.statuses.extend(Pending(progress=percent) for percent in range(1, 20))
    view = await stage.create()
    eye = Eye(behind=True)
    async with watched(stage) as clock, followed(stage, view.job.id, eye) as told:
        async with stage.working():
            await stage.finished(view.job)
        looks = clock.sleeps

        async def looked() -> bool:
            return clock.sleeps > looks + 2

        await wait_until(looked, "two more looks")
        assert ["queued-1-0"] == told.marks
        eye.behind = False
        await ends(told)
    assert ["queued-1-0", "completed"] == told.marks


async def test_a_reader_that_stays_behind_is_let_go(new_stage: StageMaker) -> None:
    clock, eye = SteppedClock(), Eye(behind=True)
    stage = new_stage(clock=clock)
    view = await stage.create()
    async with followed(stage, view.job.id, eye, keep_alive_s=0.01) as told:
        await eye.was_asked()
        clock.advance(BEHIND_S_MAX - 1)
        await eye.was_asked()
        assert not told.has_ended.is_set()
        clock.advance(1)
        await ends(told)
    assert [view.job.id] == [told_view.job.id for told_view in told.views if told_view]


async def test_a_stream_does_not_live_for_ever(new_stage: StageMaker) -> None:
    clock = SteppedClock()
    stage = new_stage(clock=clock)
    view = await stage.create()
    async with followed(stage, view.job.id, keep_alive_s=0.01) as told:
        clock.advance(LIFE_S)
        await ends(told)
    assert ["queued-1-0"] == told.marks


async def test_a_drain_ends_streams_and_lets_in_none(stage: Stage) -> None:
    view = await stage.create()
    async with followed(stage, view.job.id) as told:
        stage.videos.drain()
        await ends(told)
    with pytest.raises(ServerBusy):
        async with stage.videos.follow(stage.caller(), view.job.id, Eye()):
            raise AssertionError


class Absent(RedisJobs):
    """Jobs whose store may be away for those who read one."""

    is_away = False
    misses = 0

    @override
    async def read(
        self, team: TeamId, job: JobId, buckets: Sequence[Bucket], *, key: KeyId
    ) -> tuple[Job | None, tuple[BucketState, ...]]:
        if self.is_away:
            self.misses += 1
            raise StoreUnavailable(AWAY)
        return await super().read(team, job, buckets, key=key)


async def test_an_outage_of_the_store_is_sat_out(stage: Stage) -> None:
    view = await stage.create()
    jobs = Absent(stage.client, stage.keys, retention_s=lambda _: 3600)
    stage.runtime = replace(stage.runtime, jobs=jobs)
    async with watched(stage), followed(stage, view.job.id) as told:
        jobs.is_away = True
        await RedisJobs.cancel(jobs, view.job, is_forgotten=False)

        async def missed() -> bool:
            return jobs.misses > 1

        await wait_until(missed, "the store to be missed")
        jobs.is_away = False
        await ends(told)
    assert ["queued-1-0", "failed"] == told.marks


async def test_what_is_not_the_team_s_cannot_be_followed(stage: Stage) -> None:
    for unknown in (a_job_id(7), "nonsense"):
        with pytest.raises(JobNotFound):
            async with stage.videos.follow(stage.caller(), unknown, Eye()):
                raise AssertionError
    assert 0 == stage.waiters.streams


def test_streams_are_bounded_by_process_and_team() -> None:
    few = Waiters(streams_max=3, streams_per_team=2, waiters_max=1)
    with ExitStack() as stack:
        for number in range(2):
            stack.enter_context(few.follow(a_job_id(number), MARKETING, lambda: False))
        with (
            pytest.raises(RateLimited, match="2 videos") as full,
            few.follow(a_job_id(), MARKETING, lambda: False),
        ):
            raise AssertionError
        assert "too_many_streams" == full.value.code
        stack.enter_context(few.follow(a_job_id(), TeamId("other"), lambda: False))
        with pytest.raises(ServerBusy), few.follow(a_job_id(), TeamId("third"), lambda: False):
            raise AssertionError
        with few.place(a_job_id(), lambda: False) as waiter:
            assert waiter is not None, "streams take no waiter's place"
        assert (3, 3) == (len(few), few.streams)
    assert (0, 0) == (len(few), few.streams)
    assert 0 < STREAMS_PER_TEAM
