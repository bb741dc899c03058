"""Slots of accounts and the running limit of a team: what bounds how much goes on at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.bucket import RateLimit
from proxy.domain.events import SlotTaken
from proxy.domain.failure import FailureKind
from proxy.domain.ids import attempt_id
from proxy.domain.job import JobState
from proxy.domain.policy import RouteClass
from proxy.gateway.gates import gate_of
from proxy.gateway.ports.jobs import NotBegun
from proxy.gateway.queue import PLACES_MAX
from proxy.store.keys import submits
from tests.builders import KLING, a_rate_limit, a_team, an_account
from tests.fakes import ScriptedProvider, failing
from tests.gateway.crowds import created, submitted
from tests.gateway.harness import (
    a_video,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from proxy.domain.policy import Account
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


async def test_slots_bound_what_runs_at_an_account(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, accounts=[an_account(slots=2)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    stage.kling.hold_submit = asyncio.Event()
    jobs = await created(stage, 5)
    async with stage.working():
        await submitted(stage, 2)
        assert 2 == await stage.slots()
        stage.kling.hold_submit.set()
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state
    assert 0 == await stage.slots()


async def test_a_full_account_is_looked_at_and_hardly_ever_asked(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, accounts=[an_account(slots=0)])
    engine = replace(fast_engine(), tick_s=60.0)
    stage = new_stage(snapshot=fast_snapshot(providers=[kling], engine=engine))
    await created(stage, 9)
    script = stage.lossy()
    async with stage.working():
        for _ in range(5):
            stage.bell.ring()
            await stage.turned(1)
    # It is asked in a first turn all the same: the slot might be kept for who asks.
    assert [1, 1, 1] == [script.calls.count(call) for call in ("lines", "load", "take")]
    assert 5 <= script.calls.count("counts")


async def test_jobs_for_a_full_account_hide_none_behind_them(new_stage: StageMaker) -> None:
    kling = fast_provider(KLING, accounts=[an_account(slots=0)])
    team = a_team(limits={RouteClass.SUBMIT: a_rate_limit(capacity=1000)})
    stage = new_stage(snapshot=fast_snapshot(providers=[kling], teams=[team]))
    blocked = await created(stage, PLACES_MAX + 10)
    elsewhere = replace(a_video(), model="veo-3.1-fast")
    behind = (await stage.create(elsewhere)).job
    async with stage.working():
        assert JobState.COMPLETED is (await stage.finished(behind)).state
    assert (len(blocked), 0) == await stage.open_jobs()


async def test_a_teams_running_limit_bounds_what_it_runs(new_stage: StageMaker) -> None:
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(running=2)]))
    stage.kling.hold_submit = asyncio.Event()
    jobs = await created(stage, 5)
    async with stage.working():
        await submitted(stage, 2)
        assert (5, 2) == await stage.open_jobs()
        stage.kling.hold_submit.set()
        for job in jobs:
            await stage.finished(job)


async def test_a_team_that_runs_all_it_may_burns_no_submit_tokens(new_stage: StageMaker) -> None:
    once = RateLimit(capacity=2, interval_us=10**12)
    kling = fast_provider(KLING, accounts=[an_account(submit=once)])
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(running=1)], providers=[kling]))
    stage.kling.hold_submit = asyncio.Event()
    jobs = await created(stage, 2)
    async with stage.working():
        await submitted(stage, 1)
        await stage.turned(5)
        assert 1 == len(stage.observer.of(SlotTaken))
        stage.kling.hold_submit.set()
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state


async def test_a_team_filled_by_another_worker_gives_its_slot_back(new_stage: StageMaker) -> None:
    once = RateLimit(capacity=1, interval_us=10**12)
    kling = fast_provider(KLING, accounts=[an_account(submit=once)])
    stage = new_stage(snapshot=fast_snapshot(teams=[a_team(running=1)], providers=[kling]))
    (first,) = await created(stage, 1)
    plain = stage.runtime.work
    script = stage.lossy()

    async def another_begins() -> None:
        (other,) = await created(stage, 1)
        begun = await plain.begin(other, account="main", running_max=1, lease_s=5.0)
        assert not isinstance(begun, NotBegun)

    script.interruptions["begin"] = another_begins
    async with stage.working():
        await stage.turned()
        assert 0 == await stage.slots()
        assert [] == stage.kling.orders
    assert JobState.QUEUED is (await stage.load(first)).state
    assert await stage.client.read(("GET", submits(KLING, "main"))) is None


async def test_a_job_begun_by_another_worker_is_left_to_it(stage: Stage) -> None:
    (job,) = await created(stage, 1)
    plain = stage.runtime.work
    script = stage.lossy()

    async def another_begins() -> None:
        begun = await plain.begin(job, account="main", running_max=9, lease_s=5.0)
        assert not isinstance(begun, NotBegun)

    script.interruptions["begin"] = another_begins
    async with stage.working():
        await stage.turned()
    assert [] == stage.kling.orders
    assert 1 == await stage.slots()
    assert [] == stage.reports


@pytest.mark.parametrize("reason", ["cancelled", "elsewhere", "gone"])
async def test_a_slot_for_a_job_that_is_not_to_be_begun_is_given_back_at_once(
    new_stage: StageMaker, reason: str
) -> None:
    once = RateLimit(capacity=1, interval_us=10**12)
    kling = fast_provider(KLING, accounts=[an_account(submit=once)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    (job,) = await created(stage, 1)
    plain = stage.runtime.work
    script = stage.lossy()

    async def meanwhile() -> None:
        if reason == "cancelled":
            await stage.videos.cancel(stage.caller(), job.id)
        elif reason == "elsewhere":
            begun = await plain.begin(job, account="second", running_max=9, lease_s=5.0)
            assert not isinstance(begun, NotBegun)
        else:
            await stage.videos.cancel(stage.caller(), job.id)
            await stage.client.call(("DEL", stage.keys.job(job.id)))

    script.interruptions["begin"] = meanwhile
    async with stage.working():
        await stage.turned()
        assert 0 == await stage.slots()
        (next_job,) = await created(stage, 1)
        assert JobState.COMPLETED is (await stage.finished(next_job)).state


async def test_an_accounts_submit_rate_makes_jobs_wait(new_stage: StageMaker) -> None:
    rate = RateLimit(capacity=1, interval_us=60_000)
    kling = fast_provider(KLING, accounts=[an_account(submit=rate)])
    stage = new_stage(snapshot=fast_snapshot(providers=[kling]))
    jobs = await created(stage, 3)
    started_s = stage.runtime.clock.monotonic_s()
    async with stage.working():
        for job in jobs:
            assert JobState.COMPLETED is (await stage.finished(job)).state
    assert 0.12 <= stage.runtime.clock.monotonic_s() - started_s
    assert 3 == len(stage.kling.orders)


async def with_accounts(new_stage: StageMaker, *accounts: Account) -> Stage:
    """A stage whose Kling has such accounts, each with a provider object of its own."""
    stage = new_stage(snapshot=fast_snapshot(providers=[fast_provider(KLING, accounts=accounts)]))
    for account in accounts:
        made = ScriptedProvider()
        made.hold_submit = asyncio.Event()
        stage.adapters[KLING, account.name] = made
    return stage


def at(stage: Stage, account: str) -> ScriptedProvider:
    found = stage.adapters[KLING, account]
    assert isinstance(found, ScriptedProvider)
    return found


async def test_what_one_account_has_no_room_for_spills_over_to_the_next(
    new_stage: StageMaker,
) -> None:
    once = RateLimit(capacity=1, interval_us=10**12)
    stage = await with_accounts(
        new_stage,
        an_account("main", slots=2),
        an_account("rated", slots=9, submit=once),
        an_account("rest", slots=1),
    )
    jobs = await created(stage, 5)
    async with stage.working():

        async def all_full() -> bool:
            return [2, 1, 1] == [len(at(stage, name).orders) for name in ("main", "rated", "rest")]

        await wait_until(all_full, "the accounts to fill up")
        await stage.turned()
        assert [2, 1, 1] == [await stage.slots(KLING, name) for name in ("main", "rated", "rest")]
        assert JobState.QUEUED is (await stage.load(jobs[4])).state
        for name in ("main", "rated", "rest"):
            held = at(stage, name).hold_submit
            assert held is not None
            held.set()
        for job in jobs:
            ended = await stage.finished(job)
            assert ended.attempt_id in at(stage, ended.attempt.account or "").accepted


async def test_a_submit_that_is_sent_again_goes_to_the_same_account(
    new_stage: StageMaker,
) -> None:
    stage = await with_accounts(new_stage, an_account("main", slots=1), an_account("next"))
    at(stage, "main").submits.extend([failing(FailureKind.THROTTLED)] * 2)
    created_jobs = await created(stage, 2)
    async with stage.working():
        for name in ("main", "next"):
            held = at(stage, name).hold_submit
            assert held is not None
            held.set()
        jobs = [await stage.finished(job) for job in created_jobs]
    assert ["main", "next"] == sorted(job.attempt.account or "" for job in jobs)
    assert (3, 1) == (len(at(stage, "main").orders), len(at(stage, "next").orders))


async def test_a_job_that_must_wait_for_its_account_holds_up_nobody(
    new_stage: StageMaker,
) -> None:
    stage = await with_accounts(new_stage, an_account("main", slots=1), an_account("next"))
    first, second, third = await created(stage, 3)
    plain = stage.runtime.work
    begun = await plain.begin(first, account="main", running_max=9, lease_s=5.0)
    assert not isinstance(begun, NotBegun)
    await plain.commit(begun, replace(begun, state=JobState.QUEUED), due_in_s=0.0)
    taken = await stage.runtime.slots.take(
        KLING,
        "main",
        attempt_id(a_job_id(9), 1),
        slots=1,
        submit=None,
        lease_s=60.0,
        gate=gate_of(first, stage.snapshot),
    )
    assert taken.is_taken
    held = at(stage, "next").hold_submit
    assert held is not None
    held.set()
    async with stage.working():
        for job in (second, third):
            assert "next" == (await stage.finished(job)).attempt.account
        assert JobState.QUEUED is (await stage.load(first)).state
        assert [] == at(stage, "main").orders
