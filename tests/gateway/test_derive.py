"""Remixes, edits and extensions over a real store: the source, the money, the one account."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    BudgetExceeded,
    IdempotencyConflict,
    JobNotFound,
    NoRoute,
    VideoNotReady,
)
from proxy.domain.events import Refused
from proxy.domain.failure import FailureKind
from proxy.domain.ids import JobId, TeamId
from proxy.domain.job import JobState, Resolution, StoppedBy
from proxy.domain.policy import Retention
from proxy.domain.source import Verb, Way
from proxy.gateway.dispatch import Dispatch
from proxy.gateway.outcome import Outcome
from proxy.gateway.queue import Queue
from proxy.gateway.views import Start
from tests.builders import KLING, MARKETING, OPENAI, VERTEX, a_price, a_team, an_account, an_offer
from tests.fakes import ScriptedProvider, failing
from tests.gateway.harness import fast_provider, fast_snapshot
from tests.job_builders import a_job_id, a_request, fingerprint_of
from tests.source_builders import a_support, that_can

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from proxy.domain.video import VideoJob
    from proxy.gateway.views import JobView
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

MADE_MICRO_USD = 400_000
"""A create, and a remix of it: 4 s at $0.10."""
REMIXES = that_can({Verb.REMIX: a_support(), Verb.EXTEND: a_support(adds=(4, 8))})
PLAIN = an_offer(VERTEX, "veo-3.1-fast", prices=[a_price("720p", 200_000)])


def world(*accounts: str) -> Snapshot:
    """Kling remixes and extends what it made; Vertex only creates."""
    kling = fast_provider(KLING, accounts=[an_account(name) for name in accounts or ("main",)])
    return fast_snapshot(offers=[REMIXES, PLAIN], providers=[kling])


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=world())


def start_from(video: JobId | str, verb: Verb = Verb.REMIX) -> Start:
    return Start(verb=verb, video_id=video, param="video")


async def derive(
    stage: Stage,
    source: Job | JobId | str,
    verb: Verb = Verb.REMIX,
    *,
    request: VideoJob | None = None,
    idempotency_key: str | None = None,
) -> JobView:
    asked = request or a_request("in the rain")
    start = start_from(source if isinstance(source, str) else source.id, verb)
    return await stage.videos.create(
        stage.caller(),
        asked,
        fingerprint=fingerprint_of(replace(asked, model=f"{asked.model} {start.video_id}")),
        idempotency_key=idempotency_key,
        sdk_try=0,
        start=start,
    )


async def test_a_remix_is_a_job_of_its_own_at_the_account_that_made_its_source(
    stage: Stage,
) -> None:
    made = await stage.made()
    view = await derive(stage, made)
    assert (JobState.QUEUED, MADE_MICRO_USD) == (view.job.state, view.job.reserved_micro_usd)
    async with stage.working():
        remix = await stage.finished(view.job)
    assert (JobState.COMPLETED, MADE_MICRO_USD) == (remix.state, remix.charged_micro_usd)
    source, order = remix.request.source, stage.kling.orders[-1].source
    assert source is not None
    assert order is not None
    assert (made.id, Verb.REMIX, 4, "720p", "main") == (
        source.id,
        source.verb,
        source.seconds,
        source.resolution,
        source.account,
    )
    assert (Verb.REMIX, made.attempt.operation, None, None) == (
        order.verb,
        order.operation,
        order.file,
        order.url,
    )
    assert [Way.ORIGIN] == [candidate.way for candidate in remix.plan.candidates]
    assert (2 * MADE_MICRO_USD, 0) == await stage.money()


async def test_an_extension_reserves_what_it_adds_and_is_as_long_as_both(stage: Stage) -> None:
    made = await stage.made()
    first = await derive(stage, made, Verb.EXTEND, request=a_request("on", seconds=8))
    assert (8, 12, 2 * MADE_MICRO_USD) == (
        first.job.candidate.shape.seconds,
        first.job.seconds,
        first.job.reserved_micro_usd,
    )
    async with stage.working():
        longer = await stage.finished(first.job)
    assert 8 == stage.kling.orders[-1].shape.seconds
    again = await derive(stage, longer, Verb.EXTEND, request=a_request("and on", seconds=4))
    assert again.job.request.source is not None
    assert (16, 12) == (again.job.seconds, again.job.request.source.seconds)


@pytest.mark.parametrize("video", ["video_nothing", "", a_job_id(7), "x" * 500])
async def test_a_video_nobody_knows_is_not_found(stage: Stage, video: str) -> None:
    with pytest.raises(JobNotFound) as refused:
        await derive(stage, video)
    assert "video" == refused.value.param
    assert ["video_not_found"] == [event.code for event in stage.observer.of(Refused)]
    assert [] == await stage.ledger()


async def test_another_team_s_video_is_not_found(stage: Stage) -> None:
    made = await stage.made()
    team = TeamId("sales")
    caller = stage.caller()
    other = replace(caller, team=a_team(id=team), key=replace(caller.key, team=team))
    with pytest.raises(JobNotFound):
        await stage.videos.quote(other, a_request(), start=start_from(made.id))


async def test_a_deleted_video_is_not_found(stage: Stage) -> None:
    made = await stage.made()
    await stage.videos.delete(stage.caller(), made.id)
    with pytest.raises(JobNotFound):
        await derive(stage, made)


async def test_a_video_whose_file_is_gone_is_not_found(stage: Stage) -> None:
    made = await stage.made()
    (stage.folder / "videos" / MARKETING / f"{made.id}.mp4").unlink()
    with pytest.raises(JobNotFound, match="no longer kept, so it cannot be extended"):
        await derive(stage, made, Verb.EXTEND, request=a_request(seconds=4))


async def test_a_video_past_its_time_is_not_found(new_stage: StageMaker) -> None:
    team = replace(a_team(), retention=Retention(artifacts_s=0, jobs_s=3600))
    stage = new_stage(snapshot=replace(world(), teams={MARKETING: team}))
    made = await stage.made()
    with pytest.raises(JobNotFound, match="no longer kept, so it cannot be remixed"):
        await derive(stage, made)


async def test_a_video_that_is_not_completed_is_not_ready(stage: Stage) -> None:
    queued = (await stage.create()).job
    with pytest.raises(VideoNotReady, match="queued; only a completed one can be edited"):
        await derive(stage, queued, Verb.EDIT)
    stage.kling.submits.append(failing(FailureKind.INVALID_INPUT))
    async with stage.working():
        failed = await stage.finished(queued)
    assert JobState.FAILED is failed.state
    with pytest.raises(VideoNotReady, match="failed"):
        await derive(stage, failed)


async def test_what_nobody_does_is_refused_with_who_could_and_costs_nothing(stage: Stage) -> None:
    made = await stage.made()
    with pytest.raises(NoRoute) as refused:
        await derive(stage, made, Verb.EDIT)
    assert [] == refused.value.details["could"]
    with pytest.raises(NoRoute, match="seconds 5 is not one of 4, 8") as refused:
        await derive(stage, made, Verb.EXTEND, request=a_request(seconds=5))
    assert [{"provider": KLING, "model": "kling-3.0", "how": ["origin"]}] == (
        refused.value.details["could"]
    )
    assert (MADE_MICRO_USD, 0) == await stage.money()


async def test_a_quote_says_what_a_remix_would_cost(stage: Stage) -> None:
    made = await stage.made()
    view = await stage.videos.quote(stage.caller(), a_request(), start=start_from(made.id))
    assert view.refusal is None
    assert view.chosen is not None
    assert (MADE_MICRO_USD, Way.ORIGIN) == (view.chosen.quote_micro_usd, view.chosen.way)
    assert [made.id] == [job.id for job in await listed(stage)]


async def test_a_quote_of_what_nobody_does_says_so(stage: Stage) -> None:
    made = await stage.made()
    start = start_from(made.id, Verb.EDIT)
    view = await stage.videos.quote(stage.caller(), a_request(), start=start)
    assert view.refusal is not None
    assert "no_route" == view.refusal.code


async def listed(stage: Stage) -> tuple[Job, ...]:
    page = await stage.videos.page(
        stage.caller(), after=None, limit=10, is_ascending=True, status=None
    )
    return page.jobs


async def test_a_budget_counts_it_like_any_job(new_stage: StageMaker) -> None:
    team = a_team()
    budget = replace(team.budgets[0], limit_micro_usd=MADE_MICRO_USD + 1)
    snapshot = world()
    tight = {MARKETING: replace(team, budgets=(budget,))}
    stage = new_stage(snapshot=replace(snapshot, teams=tight))
    made = await stage.made()
    with pytest.raises(BudgetExceeded):
        await derive(stage, made)


async def test_a_repetition_finds_the_same_job(stage: Stage) -> None:
    made = await stage.made()
    first = await derive(stage, made, idempotency_key="one")
    again = await derive(stage, made, idempotency_key="one")
    assert (first.job.id, True) == (again.job.id, again.is_replay)
    other = await stage.made()
    with pytest.raises(IdempotencyConflict):
        await derive(stage, other, idempotency_key="one")


async def test_it_waits_for_the_account_that_made_its_source(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=world("main"))
    made = await stage.made()
    stage.adapters[KLING, "first"] = stage.kling
    stage.reload(world("first", "main"))
    view = await derive(stage, made)
    async with stage.working():
        remix = await stage.finished(view.job)
    assert "main" == remix.attempt.account


async def test_it_ends_when_that_account_is_gone(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=world("main"))
    view = await derive(stage, await stage.made())
    stage.adapters[KLING, "first"] = stage.kling
    stage.reload(world("first"))
    async with stage.working():
        remix = await stage.finished(view.job)
    assert (JobState.FAILED, StoppedBy.NO_CANDIDATE) == (remix.state, remix.stopped_by)
    assert remix.error is not None
    assert ("provider_unavailable", True) == (
        remix.error.code,
        "account main of kling is no longer configured" in remix.error.message,
    )
    assert (MADE_MICRO_USD, 0) == await stage.money()


async def test_a_source_that_is_gone_there_ends_it_for_nothing(stage: Stage) -> None:
    made = await stage.made()
    stage.kling.submits.append(failing(FailureKind.SOURCE_GONE))
    view = await derive(stage, made)
    async with stage.working():
        remix = await stage.finished(view.job)
    assert remix.error is not None
    assert ("source_gone", StoppedBy.NO_CANDIDATE, Resolution.RELEASED) == (
        remix.error.code,
        remix.stopped_by,
        remix.attempt.resolution,
    )
    assert (MADE_MICRO_USD, 0) == await stage.money()


async def test_it_may_outlive_its_source(stage: Stage) -> None:
    """At its maker's the video is still there: only ours was deleted."""
    made = await stage.made()
    view = await derive(stage, made)
    await stage.videos.delete(stage.caller(), made.id)
    async with stage.working():
        remix = await stage.finished(view.job)
    assert JobState.COMPLETED is remix.state


def narrow_world() -> Snapshot:
    """Kling's accounts have room for one video each, nobody else for more."""
    one = [an_account("main", slots=1)]
    kling = fast_provider(KLING, accounts=[*one, an_account("second", slots=1)])
    others = [fast_provider(name, accounts=one) for name in (VERTEX, OPENAI)]
    return fast_snapshot(offers=[REMIXES], providers=[kling, *others])


async def test_jobs_of_a_full_account_hold_up_nobody_behind_them(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=narrow_world())
    second = stage.adapters[KLING, "second"] = ScriptedProvider()
    made = await stage.made()
    assert "main" == made.attempt.account
    stage.kling.hold_submit = asyncio.Event()
    pinned = [(await derive(stage, made)).job for _ in range(9)]
    others = [(await stage.create()).job for _ in range(2)]
    async with stage.working():
        ended = [await stage.finished(job) for job in others]
        assert ["second"] * 2 == [job.attempt.account for job in ended]
        stage.kling.hold_submit.set()
        assert {"main"} == {(await stage.finished(job)).attempt.account for job in pinned}
    assert 2 == len(second.accepted)


async def test_jobs_that_can_only_wait_are_not_looked_at_without_a_pause(
    new_stage: StageMaker,
) -> None:
    stage = new_stage(snapshot=narrow_world())
    made = await stage.made()
    pinned = [(await derive(stage, made)).job for _ in range(9)]
    outcome = Outcome(stage.runtime)
    queue = Queue(stage.runtime, Dispatch(stage.runtime, outcome), outcome)
    goes = [await go(stage, queue) for _ in range(6)]
    assert (True, [False, False]) == (goes[0], goes[-2:])
    states = [(await stage.load(job)).state for job in pinned]
    assert (1, 8) == (states.count(JobState.SUBMITTING), states.count(JobState.QUEUED))
    last = (await stage.create()).job
    goes = [await go(stage, queue) for _ in range(3)]
    assert JobState.SUBMITTING is (await stage.load(last)).state
    assert not goes[-1]


async def go(stage: Stage, queue: Queue) -> bool:
    """One go through the queue; says whether the next one follows at once."""
    turns = await queue.turns(stage.snapshot, most=16)
    while (turn := turns.next()) is not None:
        await queue.begin(turn, turns, stage.runtime.live.current)
    return queue.goes_on(turns)
