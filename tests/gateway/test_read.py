"""Reading: jobs, pages, content, budgets, models; rate limits; strangers see nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    JobNotFound,
    ModelNotFound,
    RateLimited,
    StoreUnavailable,
    VideoNotReady,
)
from proxy.domain.events import LimitChecked
from proxy.domain.failure import FailureKind
from proxy.domain.ids import ModelName, TeamId
from proxy.domain.job import JobState
from proxy.domain.policy import RouteClass
from proxy.gateway.views import Caller
from tests.builders import KLING, a_key, a_rate_limit, a_team, a_use, an_account
from tests.fakes import PENDING, VIDEO, failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.edge import openai_client
from tests.gateway.harness import KLING_MICRO_USD, a_video, fast_provider, fast_snapshot
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from proxy.domain.video import VideoJob
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

NEVER_US = 10**12
ONCE = a_rate_limit(capacity=1, interval_us=NEVER_US)


def a_prompt(number: int) -> VideoJob:
    return replace(a_video(), prompt=f"fox {number}")


async def test_a_waiting_job_says_its_place_in_the_queue(stage: Stage) -> None:
    first = await stage.create()
    second = await stage.create(a_prompt(2))
    view = await stage.videos.get(stage.caller(), second.job.id)
    other = await stage.videos.get(stage.caller(), first.job.id)
    # Admitted within one millisecond, either may be the first.
    assert {1, 2} == {each.wait.position for each in (view, other) if each.wait}
    assert view.offer is not None
    assert ["poll"] == [bucket.name for bucket in view.buckets]
    async with stage.working():
        await stage.finished(second.job)
    assert (await stage.videos.get(stage.caller(), second.job.id)).wait is None


@pytest.mark.parametrize("job_id", ["nonsense", "video_\n", a_job_id(7)])
async def test_an_unknown_job_is_not_found(stage: Stage, job_id: str) -> None:
    with pytest.raises(JobNotFound) as refused:
        await stage.videos.get(stage.caller(), job_id)
    assert "video_id" == refused.value.param
    with pytest.raises(JobNotFound):
        await stage.videos.linked_content(job_id)


async def test_another_teams_job_does_not_exist(new_stage: StageMaker) -> None:
    teams = [a_team(), a_team(id=TeamId("others"))]
    stranger = a_key(printed="gl_zzzzzzzz_" + "s" * 43, team=TeamId("others"))
    stage = new_stage(snapshot=fast_snapshot(teams=teams, keys=[a_key(), stranger]))
    job = await stage.made()
    caller = Caller(key=stranger, team=teams[1])
    videos = stage.videos
    for ask in (videos.get, videos.cancel, videos.delete, videos.content):
        with pytest.raises(JobNotFound):
            await ask(caller, job.id)
    page = await videos.page(caller, after=job.id, limit=9, is_ascending=True, status=None)
    assert () == page.jobs
    assert [f"{job.id}.mp4"] == stage.artifacts()


async def test_reading_is_limited_by_the_poll_bucket(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits={RouteClass.POLL: ONCE})]))
    view = await stage.create()
    videos, caller = stage.videos, stage.caller()
    await videos.get(caller, view.job.id)
    for ask in (videos.get, videos.cancel, videos.delete):
        with pytest.raises(RateLimited):
            await ask(caller, view.job.id)
    with pytest.raises(RateLimited):
        await videos.get(caller, "nonsense")
    with pytest.raises(RateLimited):
        await videos.page(caller, after=None, limit=1, is_ascending=True, status=None)
    with pytest.raises(RateLimited):
        await videos.budget(caller)
    with pytest.raises(RateLimited):
        await videos.models(caller)
    with pytest.raises(RateLimited):
        await videos.model(caller, "kling-3.0")
    assert JobState.QUEUED is (await stage.load(view.job)).state
    polls = [e.decision for e in stage.observer.of(LimitChecked) if e.limit_class == "poll"]
    assert ["near_limit"] + ["refused"] * 8 == polls
    await stage.create(a_prompt(2))


async def test_content_has_a_bucket_of_its_own(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits={RouteClass.CONTENT: ONCE})]))
    job = await stage.made()
    await stage.videos.content(stage.caller(), job.id)
    with pytest.raises(RateLimited):
        await stage.videos.content(stage.caller(), job.id)
    await stage.videos.get(stage.caller(), job.id)
    assert () == (await stage.videos.linked_content(job.id)).buckets


async def test_content_is_there_once_the_job_is_completed(stage: Stage) -> None:
    stage.kling.statuses.append(PENDING)
    view = await stage.create()
    with pytest.raises(VideoNotReady, match="queued"):
        await stage.videos.content(stage.caller(), view.job.id)
    with pytest.raises(VideoNotReady):
        await stage.videos.linked_content(view.job.id)
    async with stage.working():
        await stage.finished(view.job)
    for content in (
        await stage.videos.content(stage.caller(), view.job.id),
        await stage.videos.linked_content(view.job.id),
    ):
        assert (len(VIDEO), "video/mp4") == (content.size_bytes, content.media_type)
        assert VIDEO == b"".join([chunk async for chunk in content.open(0, len(VIDEO))])


async def test_a_failed_job_has_no_content(stage: Stage) -> None:
    stage.kling.submits.append(failing(FailureKind.INVALID_INPUT))
    job = await stage.made()
    with pytest.raises(VideoNotReady, match="failed"):
        await stage.videos.content(stage.caller(), job.id)


async def test_content_that_was_removed_is_no_longer_kept(stage: Stage) -> None:
    job = await stage.made()
    (stage.folder / "videos" / "marketing" / f"{job.id}.mp4").unlink()
    with pytest.raises(JobNotFound, match="no longer kept"):
        await stage.videos.content(stage.caller(), job.id)


async def test_content_past_its_expiry_is_no_longer_kept(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    job = await stage.made()
    clock.ahead_s = 30 * 86_400 + 5
    with pytest.raises(JobNotFound, match="no longer kept"):
        await stage.videos.content(stage.caller(), job.id)


async def test_an_artifact_store_that_fails_is_unavailable(stage: Stage) -> None:
    job = await stage.made()
    folder = stage.folder / "videos" / "marketing"
    folder.rename(stage.folder / "away")
    folder.symlink_to(folder)
    videos, caller = stage.videos, stage.caller()
    with pytest.raises(StoreUnavailable) as refused:
        await videos.content(caller, job.id)
    assert refused.value.retry_after_s
    with pytest.raises(StoreUnavailable):
        await videos.delete(caller, job.id)
    folder.unlink()
    (stage.folder / "away").rename(folder)
    await videos.delete(caller, job.id)
    assert [] == stage.artifacts()


async def test_jobs_are_listed_by_time_in_pages(stage: Stage) -> None:
    ids = [(await stage.create(a_prompt(n))).job.id for n in range(5)]
    videos, caller = stage.videos, stage.caller()
    seen: list[str] = []
    after: str | None = None
    has_more = True
    while has_more:
        page = await videos.page(caller, after=after, limit=2, is_ascending=True, status=None)
        seen += [job.id for job in page.jobs]
        after, has_more = seen[-1], page.has_more
    assert sorted(ids) == sorted(seen)
    newest = await videos.page(caller, after=None, limit=9, is_ascending=False, status=None)
    assert seen[::-1] == [job.id for job in newest.jobs]
    nothing = await videos.page(caller, after=None, limit=0, is_ascending=False, status=None)
    assert ((), True) == (nothing.jobs, nothing.has_more)


async def test_pages_can_be_filtered_by_public_status(new_stage: StageMaker) -> None:
    stage = new_stage()
    stage.kling.submits.append(failing(FailureKind.INVALID_INPUT))
    failed = await stage.made(a_prompt(0))
    completed = await stage.made(a_prompt(1))
    gone = (await stage.create(a_prompt(2))).job
    await stage.videos.cancel(stage.caller(), gone.id)
    queued = (await stage.create(a_prompt(3))).job

    async def listed(status: str, limit: int = 9) -> tuple[list[str], bool]:
        page = await stage.videos.page(
            stage.caller(), after=None, limit=limit, is_ascending=True, status=status
        )
        return [job.id for job in page.jobs], page.has_more

    assert ([failed.id, gone.id], False) == await listed("failed")
    assert ([completed.id], False) == await listed("completed")
    assert ([queued.id], False) == await listed("queued")
    assert ([], False) == await listed("in_progress")
    assert ([failed.id], True) == await listed("failed", 1)
    assert ([completed.id], False) == await listed("completed", 1)


async def test_a_filtered_page_looks_beyond_what_does_not_match(new_stage: StageMaker) -> None:
    limits = {RouteClass.SUBMIT: a_rate_limit(capacity=1000)}
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(limits=limits)]))
    first = (await stage.create(a_prompt(0))).job
    await stage.videos.cancel(stage.caller(), first.id)
    for number in range(1, 121):
        await stage.create(a_prompt(number))
    page = await stage.videos.page(
        stage.caller(), after=None, limit=5, is_ascending=False, status="failed"
    )
    assert ([first.id], False) == ([job.id for job in page.jobs], page.has_more)


@pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
async def test_the_openai_client_pages_on_to_a_match_far_away(new_stage: StageMaker) -> None:
    limits = {RouteClass.SUBMIT: a_rate_limit(capacity=1000)}
    team = a_team(limits=limits, queued=1000)
    stage = new_stage(snapshot=fast_snapshot(teams=[team]))
    failed = [(await stage.create(a_prompt(n))).job for n in range(3)]
    for job in failed:
        await stage.videos.cancel(stage.caller(), job.id)
    for number in range(600):
        await stage.create(a_prompt(10 + number))
    async with openai_client(stage) as client:
        listed = client.videos.list(limit=2, extra_query={"status": "failed"})
        assert {job.id for job in failed} == {video.id async for video in listed}


async def test_the_budget_shows_every_level_and_the_counts(stage: Stage) -> None:
    await stage.create()
    view = await stage.videos.budget(stage.caller())
    (balance,) = view.state.balances
    assert (0, KLING_MICRO_USD) == (balance.spent_micro_usd, balance.reserved_micro_usd)
    assert (1, 0) == (view.state.open_jobs, view.state.running_jobs)
    assert ["submit", "poll", "content"] == [bucket.name for bucket in view.state.buckets]
    assert [19, 19, 20] == [bucket.remaining for bucket in view.state.buckets]


async def test_models_are_those_the_team_may_use(new_stage: StageMaker) -> None:
    team = a_team(use=a_use(policies=("balanced",), models=("kling*",), default="cheapest"))
    unset = fast_provider(KLING, accounts=[an_account(is_configured=False)])
    stage = new_stage(snapshot=fast_snapshot(teams=[team], providers=[unset]))
    view = await stage.videos.models(stage.caller())
    assert ["kling-3.0", "kling-2.6"] == [item.model.name for item in view.models]
    assert [["kling"], ["kling"]] == [[o.provider for o in item.offers] for item in view.models]
    assert ["cheapest", "balanced"] == [policy.name for policy in view.policies]
    assert "cheapest" == view.default_policy


async def test_a_model_is_found_by_its_name_an_alias_or_as_a_policy(
    new_stage: StageMaker,
) -> None:
    team = a_team(use=a_use(policies=("balanced",), models=("veo*",), default="cheapest"))
    aliases = {"veo-fast": ModelName("veo-3.1-fast")}
    stage = new_stage(snapshot=replace(fast_snapshot(teams=[team]), aliases=aliases))
    for name in ("veo-3.1-fast", "veo-fast"):
        found = await stage.videos.model(stage.caller(), name)
        assert ["veo-3.1-fast"] == [item.model.name for item in found.models]
        assert () == found.policies
    found = await stage.videos.model(stage.caller(), "cheapest")
    assert ((), ["cheapest"]) == (found.models, [policy.name for policy in found.policies])
    for name in ("kling-3.0", "best_physics", "nothing"):
        with pytest.raises(ModelNotFound, match=name):
            await stage.videos.model(stage.caller(), name)
