"""What one process hears of accounts it acts on at once, and all others soon."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.breaker import BreakerState
from proxy.domain.conditions import Closure
from proxy.domain.failure import Failure, FailureKind
from proxy.domain.health import breaker_name, doors
from proxy.domain.health_events import BreakerMoved, ProbeBegan, RenderFailed
from proxy.domain.ids import ModelName
from proxy.domain.job import JobState
from proxy.gateway.ports.health import GONE
from proxy.gateway.ports.provider import Failed
from proxy.store.address import Address
from proxy.store.client import Client
from proxy.store.health import RedisHealth
from proxy.store.keys import Keys
from tests.builders import KLING, an_account, the_offers
from tests.fakes import ScriptedProvider, failing
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import (
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)

if TYPE_CHECKING:
    from proxy.domain.breaker import Breaker
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

MAIN = (KLING, "main")
OFFER = the_offers()[0]
ACCOUNT, MODEL, RENDERS = doors(OFFER.upstream)
DOWN = failing(FailureKind.UNAVAILABLE).failure


def touchy(*, open_ms: int = 60_000, failures: int = 2) -> Snapshot:
    """A configuration in which a breaker opens soon."""
    engine = fast_engine()
    rules = replace(engine.breaker, failures=failures, open_min_ms=open_ms)
    return fast_snapshot(engine=replace(engine, breaker=rules))


@pytest.fixture
def stage(new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=touchy())


async def a_job(stage: Stage) -> Job:
    """A job under way at Kling, of which the worker has not heard."""
    job = (await stage.create()).job
    begun = await stage.runtime.work.begin(job, account="main", running_max=9, lease_s=60)
    assert not isinstance(begun, str)
    return begun


def breaker(stage: Stage, name: str = MODEL) -> Breaker:
    return stage.health.known.breaker(MAIN, name)


def closed(stage: Stage) -> Closure | None:
    found = stage.runtime.conditions.now(stage.snapshot).closed.get(OFFER.id)
    return None if found is None else found.why


async def test_what_goes_wrong_here_counts_here_at_once(stage: Stage) -> None:
    job = await a_job(stage)
    stage.health.submitted(job, DOWN)
    assert closed(stage) is None
    stage.health.submitted(job, DOWN)
    assert Closure.UNHEALTHY is closed(stage)
    assert [] == stage.observer.of(BreakerMoved)


async def test_all_processes_hear_of_it_and_one_tells(new_stage: StageMaker) -> None:
    stage, other = new_stage(snapshot=touchy()), new_stage(snapshot=touchy())
    job = await a_job(stage)
    for one in (stage, other):
        one.health.submitted(job, DOWN)
        await one.exchange()
    assert (None, Closure.UNHEALTHY) == (closed(stage), closed(other))
    await stage.exchange()
    assert Closure.UNHEALTHY is closed(stage)
    assert [] == stage.observer.of(BreakerMoved)
    (moved,) = other.observer.of(BreakerMoved)
    assert (KLING, "main", "kling-3.0", "submit", "closed", "open", "unavailable") == (
        moved.provider,
        moved.account,
        moved.model,
        moved.operation,
        moved.before,
        moved.after,
        moved.cause,
    )


async def test_what_was_heard_while_the_store_was_asked_is_told_next(stage: Stage) -> None:
    job = await a_job(stage)
    inner = RedisHealth(stage.client, Keys())

    class Slow:
        async def exchange(self, accounts, reports, **more):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003, ANN202
            stage.health.submitted(job, DOWN)
            return await inner.exchange(accounts, reports, **more)

    stage.health.submitted(job, DOWN)
    await stage.health.exchange(Slow())
    assert Closure.UNHEALTHY is closed(stage)
    assert [] == stage.observer.of(BreakerMoved)
    await stage.exchange()
    assert 1 == len(stage.observer.of(BreakerMoved))


async def test_without_the_store_a_process_goes_by_what_it_hears(stage: Stage) -> None:
    job = await a_job(stage)
    gone = Client(Address(path="/nonexistent/socket"))
    away = RedisHealth(gone, Keys())
    for _ in range(2):
        stage.health.submitted(job, DOWN)
        await stage.health.exchange(away)
    assert Closure.UNHEALTHY is closed(stage)
    await stage.exchange()
    await stage.exchange()
    assert 1 == len(stage.observer.of(BreakerMoved))
    assert Closure.UNHEALTHY is closed(stage)


async def test_what_is_kept_for_a_store_that_is_away_is_bounded(stage: Stage) -> None:
    job = await a_job(stage)
    for _ in range(1500):
        stage.health.called(job, "status", 0, None)
    await stage.exchange()
    assert (1000, 0) == breaker(stage, breaker_name("status", OFFER.upstream)).recent(
        stage.snapshot.engine.breaker, stage.runtime.balances.now_ms()
    )


async def test_many_like_calls_are_told_as_one(stage: Stage) -> None:
    job = await a_job(stage)
    for _ in range(300):
        stage.health.called(job, "status_many", stage.runtime.balances.now_ms(), None)
    stage.health.called(job, "status", stage.runtime.balances.now_ms(), DOWN)
    await stage.exchange()
    known = breaker(stage, breaker_name("status", OFFER.upstream))
    now_ms = stage.runtime.balances.now_ms()
    assert (300, 1) == known.recent(stage.snapshot.engine.breaker, now_ms)
    assert closed(stage) is None


async def test_failing_status_calls_shut_no_door(stage: Stage) -> None:
    job = await a_job(stage)
    for operation in ("status", "find", "cancel", "download"):
        for _ in range(9):
            stage.health.called(job, operation, stage.runtime.balances.now_ms(), DOWN)
    await stage.exchange()
    assert BreakerState.OPEN is breaker(stage, breaker_name("status", OFFER.upstream)).state
    assert closed(stage) is None
    assert {"status", "find", "cancel", "download"} == {
        moved.operation for moved in stage.observer.of(BreakerMoved)
    }


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.ACCOUNT])
async def test_refused_credentials_shut_the_account_at_once(
    stage: Stage, kind: FailureKind
) -> None:
    stage.health.submitted(await a_job(stage), Failure(kind=kind, message="no"))
    await stage.exchange()
    closures = stage.runtime.conditions.now(stage.snapshot).closed
    assert {offer.id for offer in the_offers() if offer.provider == KLING} == set(closures)
    (moved,) = stage.observer.of(BreakerMoved)
    assert (None, "submit", kind) == (moved.model, moved.operation, moved.cause)
    states = stage.health.states(stage.snapshot)
    assert "open" == states[KLING, "main", "", "submit"]


async def test_a_model_that_is_gone_is_gone_until_the_configuration_changes(
    stage: Stage, new_stage: StageMaker
) -> None:
    gone = Failure(kind=FailureKind.MODEL_GONE, message="no such model")
    stage.health.submitted(await a_job(stage), gone)
    await stage.exchange()
    other = new_stage(snapshot=touchy())
    await other.exchange()
    for one in (stage, other):
        assert Closure.MODEL_GONE is closed(one)
        assert GONE == one.health.states(one.snapshot)[KLING, "main", "kling-3.0", "submit"]
    assert [GONE] == [moved.after for moved in stage.observer.of(BreakerMoved)]
    other.reload(touchy())
    assert closed(other) is None
    assert "closed" == other.health.states(other.snapshot)[KLING, "main", "kling-3.0", "submit"]


async def test_a_breaker_of_what_left_the_catalog_is_not_shown(stage: Stage) -> None:
    stage.health.submitted(await a_job(stage), DOWN)
    left = fast_snapshot(offers=the_offers()[1:3])
    stage.reload(left)
    names = {name[2:] for name in stage.health.states(stage.snapshot)}
    assert {("", "submit")} == names


async def test_time_opens_a_door_again(new_stage: StageMaker) -> None:
    clock = ShiftedClock()
    stage = new_stage(snapshot=touchy(), clock=clock)
    job = await a_job(stage)
    for _ in range(2):
        stage.health.submitted(job, DOWN)
    assert Closure.UNHEALTHY is closed(stage)
    clock.ahead_s = 67
    await stage.health.exchange(RedisHealth(Client(Address(path="/nonexistent")), Keys()))
    assert closed(stage) is None


async def test_the_chore_tells_at_once_what_went_wrong_and_the_rest_when_it_ends(
    new_stage: StageMaker,
) -> None:
    stage, other = new_stage(snapshot=touchy(failures=1)), new_stage(snapshot=touchy())
    job = await a_job(stage)
    woken, waits = asyncio.Event(), []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        await woken.wait()
        woken.clear()

    board = RedisHealth(stage.client, Keys())
    chore = asyncio.ensure_future(stage.health.watch(board, woken=wait, wake=woken.set))

    async def is_waiting() -> bool:
        return bool(waits)

    await wait_until(is_waiting, "the first look")
    stage.health.called(job, "status", stage.runtime.balances.now_ms(), None)
    assert not woken.is_set()
    stage.health.submitted(job, DOWN)
    assert woken.is_set()

    async def is_told() -> bool:
        await other.exchange()
        return closed(other) is Closure.UNHEALTHY

    await wait_until(is_told, "the other process to hear of it")
    assert {stage.snapshot.engine.breaker_cache_s} == set(waits)
    stage.health.called(job, "status", stage.runtime.balances.now_ms(), None)
    chore.cancel()
    await asyncio.wait((chore,))
    await other.exchange()
    status = other.health.known.breaker(MAIN, breaker_name("status", OFFER.upstream))
    assert (2, 0) == status.recent(stage.snapshot.engine.breaker, job.created_at_ms)


# --- jobs ---------------------------------------------------------------------------------------


async def test_renders_that_fail_shut_a_door_of_their_own(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=touchy())
    broke = Failed(failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="broke"))
    for number in range(2):
        stage.kling.statuses.append(broke)
        await stage.made(replace(a_video(), prompt=f"fox {number}"))
    assert Closure.UNHEALTHY is closed(stage)
    assert (BreakerState.OPEN, BreakerState.CLOSED) == (
        breaker(stage, RENDERS).state,
        breaker(stage).state,
    )
    assert [KLING] * 2 == [failed.provider for failed in stage.observer.of(RenderFailed)]


async def test_a_finished_video_closes_the_door_of_renders(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=touchy(open_ms=0, failures=1))
    broke = Failed(failure=Failure(kind=FailureKind.FAILED_UPSTREAM, message="broke"))
    stage.kling.statuses.append(broke)
    await stage.made()
    assert BreakerState.OPEN is breaker(stage, RENDERS).state
    job = await stage.made()
    assert KLING == job.candidate.provider
    assert BreakerState.CLOSED is breaker(stage, RENDERS).state
    assert ["render"] == [probe.operation for probe in stage.observer.of(ProbeBegan)]


async def test_a_render_that_never_ends_is_a_failure(new_stage: StageMaker) -> None:
    snapshot = touchy(failures=1)
    kling = fast_provider(KLING, give_up_after_s=0.0)
    providers = {**snapshot.providers, KLING: kling}
    stage = new_stage(snapshot=replace(snapshot, providers=providers))
    view = await stage.create()
    async with stage.working():
        await stage.reached(view.job, JobState.UNKNOWN)
    assert "unknown_outcome" == breaker(stage, RENDERS).cause


async def test_one_of_several_accounts_takes_what_another_cannot(new_stage: StageMaker) -> None:
    accounts = [an_account("main"), an_account("second")]
    snapshot = touchy(failures=1)
    providers = {**snapshot.providers, KLING: fast_provider(KLING, accounts=accounts)}
    stage = new_stage(snapshot=replace(snapshot, providers=providers))
    second = ScriptedProvider()
    stage.adapters[KLING, "second"] = second
    stage.kling.submits.append(failing(FailureKind.AUTH))
    first = await stage.made()
    assert [KLING, "vertex"] == [
        first.plan.candidates[attempt.candidate].provider for attempt in first.attempts
    ]
    again = await stage.made(replace(a_video(), prompt="another"))
    assert ("second", 1) == (again.attempt.account, len(again.attempts))
    assert 1 == len(stage.kling.orders)


async def test_models_are_named_as_the_catalog_has_them(stage: Stage) -> None:
    stage.health.submitted(await a_job(stage), DOWN)
    assert {ModelName("kling-3.0"), ""} == {
        name[2] for name in stage.health.states(stage.snapshot)
    }
