"""What a waiting job does when its candidate is shut, drained or gone, or asks for a rest."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.breaker import BreakerState, Mark, Outcome
from proxy.domain.bucket import LimitMode
from proxy.domain.conditions import Closure
from proxy.domain.events import FailedOver, SlotTaken
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health import doors
from proxy.domain.health_events import ProbeBegan
from proxy.domain.job import JobState
from proxy.gateway.ports.health import Heard, Report
from proxy.gateway.ports.jobs import NotBegun
from proxy.store.health import RedisHealth
from proxy.store.keys import Keys
from tests.builders import KLING, VERTEX, a_team, an_account, the_offers
from tests.fakes import failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import (
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

MAIN = (KLING, "main")
FIRST, _, SECOND, _ = the_offers()
ACCOUNT, MODEL, RENDERS = doors(FIRST.upstream)


def touchy(*, open_ms: int = 60_000) -> Snapshot:
    """A configuration in which the first failure opens a breaker."""
    engine = fast_engine()
    rules = replace(engine.breaker, failures=1, open_min_ms=open_ms)
    return fast_snapshot(engine=replace(engine, breaker=rules))


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=touchy())


async def said(stage: Stage, mark: Mark, *, provider: str = KLING, upstream: str = "") -> None:
    """Let another process tell the shared breakers something."""
    model = doors(upstream or FIRST.upstream)[1]
    outcome = Outcome(
        mark=mark,
        begun_ms=10**15,
        cause="unavailable",
        rest_ms=300,
        digest=stage.snapshot.digest,
    )
    report = Report(operation=f"{provider}{mark}", heard=(Heard(breaker=model, outcome=outcome),))
    await RedisHealth(stage.client, Keys()).exchange(
        [],
        {(type(KLING)(provider), "main"): report},
        rules=stage.snapshot.engine.breaker,
        jitter_permille=0,
    )


def providers_of(job: Job) -> list[str]:
    return [job.plan.candidates[attempt.candidate].provider for attempt in job.attempts]


async def finished(stage: Stage, job: Job) -> Job:
    async with stage.working():
        return await stage.finished(job)


@pytest.mark.parametrize("why", list(Closure))
async def test_a_waiting_job_leaves_a_candidate_that_closes(stage: Stage, why: Closure) -> None:
    view = await stage.create()
    stage.closures.close(FIRST, why)
    job = await finished(stage, view.job)
    assert JobState.COMPLETED is job.state
    assert [KLING, VERTEX] == providers_of(job)
    error = job.attempts[0].error
    assert error is not None
    assert (why, f"closed by a test: {why}") == (error.code, error.message)
    assert [why] == [over.reason for over in stage.observer.of(FailedOver)]
    assert [] == stage.kling.orders


async def test_if_every_candidate_is_shut_the_first_is_tried(stage: Stage) -> None:
    view = await stage.create()
    await said(stage, Mark.FAILURE)
    await said(stage, Mark.FAILURE, provider=VERTEX, upstream=SECOND.upstream)
    await stage.exchange()
    assert {FIRST.id, SECOND.id} <= set(stage.runtime.conditions.now(stage.snapshot).closed)
    job = await finished(stage, view.job)
    assert (JobState.COMPLETED, [KLING]) == (job.state, providers_of(job))
    assert BreakerState.CLOSED is stage.health.known.breaker(MAIN, MODEL).state


async def test_where_no_other_has_room_the_shut_one_is_tried(stage: Stage) -> None:
    view = await stage.create(replace(a_video(), max_cost_micro_usd=350_000))
    stage.closures.close(FIRST, Closure.UNHEALTHY)
    job = await finished(stage, view.job)
    assert (JobState.COMPLETED, [KLING]) == (job.state, providers_of(job))


async def test_a_job_waits_for_what_is_drained(stage: Stage) -> None:
    view = await stage.create()
    stage.closures.close(FIRST, Closure.DRAINED)
    stage.closures.close(SECOND, Closure.DRAINED)
    async with stage.working():
        await stage.turned()
        assert JobState.QUEUED is (await stage.load(view.job)).state
        stage.closures.open(FIRST)
        job = await stage.finished(view.job)
    assert [KLING] == providers_of(job)


async def test_what_is_unhealthy_is_better_than_what_is_drained(stage: Stage) -> None:
    view = await stage.create()
    stage.closures.close(FIRST, Closure.DRAINED)
    stage.closures.close(SECOND, Closure.UNHEALTHY)
    job = await finished(stage, view.job)
    assert [KLING, VERTEX] == providers_of(job)


async def test_a_job_ends_where_its_model_is_gone_and_there_is_no_other(stage: Stage) -> None:
    view = await stage.create(replace(a_video(), max_cost_micro_usd=350_000))
    stage.closures.close(FIRST, Closure.MODEL_GONE)
    job = await finished(stage, view.job)
    assert job.error is not None
    assert ("model_gone", "no_candidate") == (job.error.code, job.stopped_by)
    assert [] == stage.kling.orders


async def test_a_job_of_a_shut_candidate_that_is_found_out_at_the_slot_goes_on(
    stage: Stage,
) -> None:
    """This process did not know: it looks again, and then it does."""
    view = await stage.create()
    await said(stage, Mark.FAILURE)
    stage.reload(replace(stage.snapshot, engine=replace(stage.snapshot.engine, breaker_cache_s=9)))
    async with stage.working():
        job = await stage.finished(view.job)
    assert [KLING, VERTEX] == providers_of(job)
    assert [] == stage.kling.orders


async def test_a_rest_is_kept_and_other_models_go_on(stage: Stage) -> None:
    await said(stage, Mark.REST)
    await stage.exchange()
    resting = await stage.create()
    other = await stage.create(replace(a_video(), seconds=5, model="kling-2.6"))
    async with stage.working():
        job = await stage.finished(other.job)
        assert JobState.COMPLETED is job.state
        assert JobState.QUEUED is (await stage.load(resting.job)).state
        job = await stage.finished(resting.job)
    assert [KLING] == providers_of(job)


async def test_a_throttled_account_is_left_alone_by_all(stage: Stage) -> None:
    stage.kling.submits.append(failing(FailureKind.THROTTLED, retry_after_s=0.3))
    views = [await stage.create(replace(a_video(), prompt=f"fox {n}")) for n in range(3)]
    async with stage.working():
        for view in views:
            assert JobState.COMPLETED is (await stage.finished(view.job)).state
        assert 0.3 < stage.health.known.breaker(MAIN, MODEL).rests_until_ms
    # The one that was throttled once more, each of the others once.
    assert 2 + len(views) - 1 == len(stage.kling.orders)


async def test_one_job_probes_and_the_others_go_elsewhere(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=touchy(open_ms=0))
    await said(stage, Mark.FAILURE)
    await stage.exchange()
    views = [await stage.create(replace(a_video(), prompt=f"fox {n}")) for n in range(4)]
    stage.kling.hold_submit = asyncio.Event()
    async with stage.working():
        jobs = [view.job for view in views]

        async def others_are_done() -> bool:
            states = [(await stage.load(job)).state for job in jobs]
            return states.count(JobState.COMPLETED) == 3

        await wait_until(others_are_done, "the jobs that do not probe")
        assert 1 == len(stage.kling.orders)
        stage.kling.hold_submit.set()
        done = [await stage.finished(job) for job in jobs]
    assert 1 == sum(providers_of(job) == [KLING] for job in done)
    assert 3 == sum(providers_of(job) == [KLING, VERTEX] for job in done)
    assert [("kling", "main", "submit")] == [
        (probe.provider, probe.account, probe.operation) for probe in stage.observer.of(ProbeBegan)
    ]
    await stage.exchange()
    assert BreakerState.CLOSED is stage.health.known.breaker(MAIN, MODEL).state


async def test_a_probe_that_its_team_may_not_begin_is_the_next_one_s(
    new_stage: StageMaker,
) -> None:
    snapshot = touchy(open_ms=0)
    team = a_team(running=0)
    stage = new_stage(snapshot=replace(snapshot, teams={team.id: team}))
    await said(stage, Mark.FAILURE)
    await stage.exchange()
    view = await stage.create()
    await stage.runtime.accounts.now_ms()
    begun = await stage.worker()._dispatch.begin(
        view.job, stage.runtime.live.current, set(), cost=1
    )
    assert NotBegun.TEAM_FULL is begun
    await stage.exchange()
    assert (BreakerState.HALF_OPEN, "") == (
        stage.health.known.breaker(MAIN, MODEL).state,
        stage.health.known.breaker(MAIN, MODEL).probe,
    )
    assert 1 == len(stage.observer.of(SlotTaken))
    assert 0 == await stage.slots()


async def test_drained_accounts_are_passed_over(new_stage: StageMaker) -> None:
    accounts = [an_account("drained"), an_account("main")]
    snapshot = touchy()
    providers = {**snapshot.providers, KLING: fast_provider(KLING, accounts=accounts)}
    stage = new_stage(snapshot=replace(snapshot, providers=providers))
    await stage.book.drain(a_mandate("op1"), provider=KLING, account="drained")
    await stage.exchange()
    job = await stage.made()
    assert ("main", [KLING]) == (job.attempt.account, providers_of(job))


@pytest.mark.parametrize("account", [None, "main"])
async def test_a_drain_that_nobody_has_heard_of_yet_stops_the_next_submit(
    stage: Stage, account: str | None
) -> None:
    view = await stage.create()
    await stage.book.drain(a_mandate("op1"), provider=KLING, account=account)
    job = await finished(stage, view.job)
    assert [KLING, VERTEX] == providers_of(job)
    assert [] == stage.kling.orders


async def test_running_jobs_of_a_drained_account_are_followed(stage: Stage) -> None:
    view = await stage.create()
    stage.kling.hold_submit = asyncio.Event()
    async with stage.working():
        await stage.reached(view.job, JobState.SUBMITTING)
        await stage.book.drain(a_mandate("op1"), provider=KLING)
        stage.kling.hold_submit.set()
        job = await stage.finished(view.job)
    assert (JobState.COMPLETED, [KLING]) == (job.state, providers_of(job))


async def test_a_long_rest_is_not_waited_for(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=touchy(), clock=ShiftedClock())
    view = await stage.create()
    slow = Failure(kind=FailureKind.THROTTLED, message="429", retry_after_s=60.0)
    begun = await stage.runtime.work.begin(view.job, account="main", running_max=9, lease_s=60)
    assert not isinstance(begun, str)
    stage.health.submitted(begun, slow)
    waiting = await stage.create(replace(a_video(), prompt="another"))
    assert VERTEX == waiting.job.candidate.provider
    assert "unhealthy" in [skipped.code for skipped in waiting.job.plan.skipped]


async def test_in_shadow_nothing_is_kept_away(new_stage: StageMaker) -> None:
    snapshot = touchy()
    engine = replace(snapshot.engine, breaker_mode=LimitMode.SHADOW)
    stage = new_stage(snapshot=replace(snapshot, engine=engine))
    for mark in (Mark.REST, Mark.GONE, Mark.FAILURE):
        await said(stage, mark)
    await stage.exchange()
    assert "gone" == stage.health.states(stage.snapshot)[KLING, "main", "kling-3.0", "submit"]
    job = await stage.made()
    assert (JobState.COMPLETED, [KLING]) == (job.state, providers_of(job))
    assert [] == stage.observer.of(ProbeBegan)


async def test_a_job_whose_offer_left_the_catalog_is_sent_all_the_same(stage: Stage) -> None:
    view = await stage.create()
    stage.reload(replace(stage.snapshot, offers=the_offers()[1:]))
    job = await finished(stage, view.job)
    assert (JobState.COMPLETED, [KLING]) == (job.state, providers_of(job))


async def test_what_only_the_store_knows_is_found_out_at_the_slot(stage: Stage) -> None:
    view = await stage.create()
    await said(stage, Mark.FAILURE)
    begun = await stage.worker()._dispatch.begin(
        view.job, stage.runtime.live.current, set(), cost=1
    )
    assert NotBegun.NO_SLOT is begun
    assert [] == stage.observer.of(SlotTaken)
