"""The store is away: known jobs are told of as they were, rates hold, and nothing costs money."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest

from proxy.domain.bucket import LimitMode
from proxy.domain.errors import (
    JobNotFound,
    RateLimited,
    StoreUnavailable,
    Unauthenticated,
    VideoNotReady,
)
from proxy.domain.events import AnsweredStale, LimitChecked
from proxy.domain.failure import FailureKind
from proxy.domain.job import JobState
from proxy.domain.outage import Outage
from proxy.domain.policy import RouteClass
from proxy.gateway.read import hold
from proxy.gateway.views import Patience
from proxy.http.admin.endpoints import Role
from proxy.store.address import Address
from proxy.store.client import Client, Timeouts
from proxy.store.ledger import RedisLedger
from tests.builders import MARKETING, PRINTED_KEY, a_rate_limit, a_team
from tests.fakes import PENDING, VIDEO, failing
from tests.gateway.admin.office import opened
from tests.gateway.clocks import SteppedClock
from tests.gateway.edge import serving
from tests.gateway.harness import a_video, fast_snapshot
from tests.gateway.test_limits import ask
from tests.job_builders import a_job_id, a_mandate
from tests.store.stores import until_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.job import Job
    from proxy.store.embedded import EmbeddedStore
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEVER_US = 10**12
POLL = RouteClass.POLL


@pytest.fixture
async def client(store: EmbeddedStore) -> AsyncIterator[Client]:
    """One that comes back at once."""
    client = Client(store.address, timeouts=Timeouts(retry_s=0.001, retry_s_max=0.002))
    await client.call(("FLUSHALL",))
    yield client
    await client.close()


@asynccontextmanager
async def away(stage: Stage) -> AsyncIterator[None]:
    """Have no store in the block."""
    address = stage.client.address
    stage.client.address = Address(path="/nowhere")
    await stage.client.close()
    try:
        yield
    finally:
        stage.client.address = address
        await until_back(stage.client)


def listening(stage: Stage) -> Stage:
    """A stage that has heard that none of the team's keys is revoked."""
    stage.runtime.standby.learn_revoked(MARKETING, frozenset())
    return stage


async def polled(stage: Stage) -> Job:
    """A queued job that its client has asked about."""
    view = await stage.create()
    return (await stage.videos.get(stage.caller(), view.job.id)).job


async def rendered(stage: Stage) -> Job:
    """A completed job that its client has asked about."""
    job = await stage.made()
    return (await stage.videos.get(stage.caller(), job.id)).job


async def test_a_job_that_was_read_is_told_of_as_it_was(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    async with away(stage):
        view = await stage.videos.get(stage.caller(), job.id)
    assert job == view.job
    assert view.stale_s is not None
    assert view.stale_s < 5
    assert view.wait is None
    (told,) = stage.observer.of(AnsweredStale)
    assert (job.id, job.team) == (told.job, told.team)
    assert "local" == stage.observer.of(LimitChecked)[-1].mode
    again = await stage.videos.get(stage.caller(), job.id)
    assert again.wait is not None
    assert (None, 1) == (again.stale_s, again.wait.position)


async def test_rates_hold_by_a_share_of_each_bucket(new_stage: StageMaker) -> None:
    limits = {POLL: a_rate_limit(capacity=6, interval_us=NEVER_US)}
    snapshot = fast_snapshot(teams=[a_team(limits=limits)])
    stage = listening(new_stage(snapshot=replace(snapshot, outage=Outage(replicas=2))))
    job = await polled(stage)
    async with away(stage):
        for left in (2, 1, 0):
            view = await stage.videos.get(stage.caller(), job.id)
            assert [(3, left)] == [(each.capacity, each.remaining) for each in view.buckets]
        for use in (stage.videos.get, stage.videos.cancel, stage.videos.delete):
            with pytest.raises(RateLimited) as refusal:
                await use(stage.caller(), job.id)
            assert refusal.value.retry_after_s
    assert 4 == (await stage.videos.get(stage.caller(), job.id)).buckets[0].remaining


async def test_in_shadow_nobody_is_refused(new_stage: StageMaker) -> None:
    limits = {POLL: a_rate_limit(capacity=1, interval_us=NEVER_US)}
    team = a_team(limits=limits, limit_mode=LimitMode.SHADOW)
    stage = listening(new_stage(snapshot=fast_snapshot(teams=[team])))
    job = await polled(stage)
    async with away(stage):
        for _ in range(3):
            await stage.videos.get(stage.caller(), job.id)
    assert {"shadow"} == {
        event.mode for event in stage.observer.of(LimitChecked) if event.limit_class == "poll"
    }


@pytest.mark.parametrize("operation", ["create", "page", "budget", "quote", "cancel", "delete"])
async def test_what_needs_the_store_fails_closed(new_stage: StageMaker, operation: str) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    before = await stage.ledger()
    async with away(stage):
        with pytest.raises(StoreUnavailable) as refusal:
            await ask(stage, operation, job.id)
    assert refusal.value.retry_after_s
    assert before == await stage.ledger()
    assert 0 == len(stage.runtime.doubts)
    assert not stage.kling.orders
    assert job == await stage.load(job)


async def test_what_needs_no_store_is_answered(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    async with away(stage):
        assert (await stage.videos.models(stage.caller())).models


async def test_what_nobody_read_here_is_not_known(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    created = (await stage.create()).job
    async with away(stage):
        with pytest.raises(StoreUnavailable):
            await stage.videos.get(stage.caller(), created.id)
        with pytest.raises(JobNotFound):
            await stage.videos.get(stage.caller(), "nonsense")


async def test_what_was_deleted_is_not_known(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    await stage.videos.delete(stage.caller(), job.id)
    async with away(stage):
        with pytest.raises(StoreUnavailable):
            await stage.videos.get(stage.caller(), job.id)


async def test_what_another_process_deleted_is_forgotten_when_that_is_seen(
    new_stage: StageMaker,
) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    await stage.runtime.jobs.cancel(job, is_forgotten=True)
    with pytest.raises(JobNotFound):
        await stage.videos.get(stage.caller(), job.id)
    async with away(stage):
        with pytest.raises(StoreUnavailable):
            await stage.videos.get(stage.caller(), job.id)


async def test_a_cancelled_job_is_known_as_cancelled(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    await stage.videos.cancel(stage.caller(), job.id)
    async with away(stage):
        view = await stage.videos.get(stage.caller(), job.id)
    assert JobState.CANCELLED is view.job.state


async def test_a_job_that_ended_here_is_known_as_ended(new_stage: StageMaker) -> None:
    """Nobody has asked since; the worker of this process knows."""
    stage = listening(new_stage())
    stage.kling.statuses.append(PENDING)
    job = await polled(stage)
    async with stage.working():
        await stage.finished(job)
        async with away(stage):
            view = await stage.videos.get(stage.caller(), job.id)
            assert JobState.COMPLETED is view.job.state
            content = await stage.videos.content(stage.caller(), job.id)
            read = b"".join([chunk async for chunk in content.open(0, content.size_bytes)])
            linked = await stage.videos.linked_content(job.id)
        stage.may_report = True
    assert VIDEO == read
    assert content.stale_s is not None
    assert linked.stale_s is not None


async def test_content_of_a_job_that_was_fetched_is_sent(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await rendered(stage)
    await stage.videos.content(stage.caller(), job.id)
    async with away(stage):
        view = await stage.videos.content(stage.caller(), job.id)
        assert ["content"] == [bucket.name for bucket in view.buckets]


async def test_content_that_was_not_there_yet_may_be_there_by_now(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    async with away(stage):
        for asked in (
            stage.videos.content(stage.caller(), job.id),
            stage.videos.linked_content(job.id),
        ):
            with pytest.raises(StoreUnavailable):
                await asked
    failed = await stage.create(replace(a_video(), prompt="another"))
    stage.kling.submits.extend([failing(FailureKind.INVALID_INPUT)] * 2)
    async with stage.working():
        await stage.finished(failed.job)
    await stage.videos.get(stage.caller(), failed.job.id)
    async with away(stage):
        with pytest.raises(VideoNotReady):
            await stage.videos.content(stage.caller(), failed.job.id)
        with pytest.raises(StoreUnavailable):
            await stage.videos.linked_content(a_job_id(77))


async def test_what_was_read_long_ago_is_not_told(new_stage: StageMaker) -> None:
    clock = SteppedClock()
    stage = listening(new_stage(clock=clock))
    job = await polled(stage)
    clock.advance(stage.snapshot.outage.remember_for_s + 1)
    async with away(stage):
        with pytest.raises(StoreUnavailable):
            await stage.videos.get(stage.caller(), job.id)


@pytest.mark.parametrize("operation", ["models", "get", "create"])
async def test_a_key_that_is_known_to_be_revoked_reads_nothing(
    new_stage: StageMaker, operation: str
) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    ledger = RedisLedger(stage.client, stage.keys)
    await ledger.revoke_key(MARKETING, stage.caller().key.id, a_mandate())
    async with away(stage):
        await stage.videos.get(stage.caller(), job.id)
    with pytest.raises(Unauthenticated):
        await ask(stage, operation, job.id)
    async with away(stage):
        for asked in (
            stage.videos.get(stage.caller(), job.id),
            stage.videos.content(stage.caller(), job.id),
            stage.videos.models(stage.caller()),
        ):
            with pytest.raises(Unauthenticated):
                await asked


async def test_who_revokes_a_key_here_knows_of_it(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    async with opened(stage) as office:
        await office.change(Role.OPERATOR, f"/keys/{stage.caller().key.id}/revoke")
    async with away(stage):
        with pytest.raises(Unauthenticated):
            await stage.videos.models(stage.caller())


async def test_who_waits_is_answered_when_the_store_goes(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    patience = Patience(wait_s=0.05, is_gone=lambda: False)
    view = await stage.create()
    async with away(stage):
        # A create's answer was on its way, and is not lost for that.
        held = await hold(stage.runtime, view, patience)
        assert view.job == held.job
        assert held.stale_s is not None
        assert held.has_waited
    job = (await stage.videos.get(stage.caller(), view.job.id)).job
    async with away(stage):
        at_once = await stage.videos.get(
            stage.caller(), job.id, patience=Patience(wait_s=60, is_gone=lambda: False)
        )
    assert (True, False) == (at_once.stale_s is not None, at_once.has_waited)


async def test_who_waits_for_a_job_that_is_known_hears_the_latest(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await polled(stage)
    view = await stage.videos.get(stage.caller(), job.id)
    await stage.videos.cancel(stage.caller(), job.id)
    async with away(stage):
        patience = Patience(wait_s=0.01, is_gone=lambda: False)
        held = await hold(stage.runtime, view, patience)
    assert JobState.CANCELLED is held.job.state


async def test_the_answer_says_that_it_is_stale(new_stage: StageMaker) -> None:
    stage = listening(new_stage())
    job = await rendered(stage)
    headers = {"Authorization": f"Bearer {PRINTED_KEY}"}
    async with serving(stage) as base_url, aiohttp.ClientSession(headers=headers) as session:
        url = f"{base_url}/videos/{job.id}"
        async with session.get(url) as fresh:
            etag = fresh.headers["ETag"]
            assert "Greenlight-Stale" not in fresh.headers
            assert "stale" not in (await fresh.json())["greenlight"]
        async with away(stage):
            async with session.get(url, headers={"If-None-Match": etag}) as answer:
                assert (200, "0") == (answer.status, answer.headers["Greenlight-Stale"])
                assert (await answer.json())["greenlight"]["stale"] is True
            async with session.get(f"{url}/content") as answer:
                assert (200, "0") == (answer.status, answer.headers["Greenlight-Stale"])
                assert VIDEO == await answer.read()
            async with session.get(f"{url}/events") as answer:
                assert '"stale":true' in await answer.text()
            async with session.post(f"{base_url}/videos", json={"prompt": "x"}) as answer:
                assert (503, True) == (answer.status, "Retry-After" in answer.headers)
        async with session.get(url, headers={"If-None-Match": etag}) as answer:
            assert 304 == answer.status
