"""Callbacks hurry a job's next step, whoever repeats them how often; nothing else follows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    InvalidRequest,
    RouteNotFound,
    SignatureRefused,
    StoreUnavailable,
)
from proxy.domain.events import CallbackReceived, OutcomeUnknown
from proxy.domain.failure import FailureKind
from proxy.domain.ids import attempt_id
from proxy.domain.job import JobState
from proxy.domain.policy import PollTimes
from proxy.gateway.callbacks import Callbacks, callback_path, remember
from tests.builders import KLING, OPENAI, VERTEX, an_account
from tests.fakes import PENDING, CallingProvider, failing
from tests.gateway.harness import (
    KLING_MICRO_USD,
    Stage,
    fast_engine,
    fast_provider,
    fast_snapshot,
    wait_until,
)
from tests.gateway.outages import LostHints, Switch
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.domain.policy import Snapshot
    from proxy.gateway.callbacks import Sender
    from tests.gateway.conftest import StageMaker

SECRET = b"0123456789abcdef0123456789abcdef"
LEAST_S = 0.4
SELDOM = PollTimes(first_s=60.0, min_s=LEAST_S, max_s=60.0)


@pytest.fixture
def kling() -> CallingProvider:
    return CallingProvider()


@pytest.fixture
def stage(new_stage: StageMaker, kling: CallingProvider) -> Stage:
    return new_stage(snapshot=polled_seldom(), kling=kling)


def polled_seldom(look_up_after_s: tuple[float, ...] = (60.0,)) -> Snapshot:
    """Nothing is asked about within a test, unless it is hurried."""
    spare = an_account(name="spare")
    kling = fast_provider(KLING, poll=SELDOM, accounts=[an_account(), spare])
    engine = replace(fast_engine(), look_up_after_s=look_up_after_s)
    return fast_snapshot(engine=engine, providers=[kling])


def sender_of(stage: Stage) -> Sender:
    return Callbacks(stage.runtime, SECRET).sender(callback_path(SECRET, KLING, "main"))


async def call_back(stage: Stage, body: str, message: str = "1") -> str:
    """Send a callback; returns what became of it."""
    callbacks = Callbacks(stage.runtime, SECRET)
    await callbacks.receive(sender_of(stage), {"id": message}, body.encode())
    return stage.observer.of(CallbackReceived)[-1].outcome


async def running(stage: Stage) -> Job:
    """A job under way at Kling; its worker stopped."""
    view = await stage.create()
    async with stage.working(dies=True):
        return await stage.reached(view.job, JobState.RUNNING)


async def test_the_end_of_a_job_is_seen_at_once(stage: Stage) -> None:
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.RUNNING)
        assert "hinted" == await call_back(stage, f"end {job.attempt_id}")
        assert JobState.COMPLETED is (await stage.finished(job)).state
    (event,) = stage.observer.of(CallbackReceived)
    assert (KLING, "main", job.candidate.model, job.id) == (
        event.provider,
        event.account,
        event.model,
        event.job,
    )
    assert (KLING_MICRO_USD, 0) == await stage.money()


async def test_a_callback_alone_changes_neither_state_nor_money(stage: Stage) -> None:
    job = await running(stage)
    ledger = await stage.ledger()
    await call_back(stage, f"end {job.attempt_id}")
    assert job == await stage.load(job)
    assert ledger == await stage.ledger()
    assert (0, KLING_MICRO_USD) == await stage.money()


async def test_a_callback_that_lies_is_found_out(stage: Stage, kling: CallingProvider) -> None:
    kling.statuses.append(PENDING)
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.RUNNING)
        await call_back(stage, f"end {job.attempt_id}")

        async def was_asked() -> bool:
            return (await stage.load(job)).work.polls == 1

        await wait_until(was_asked, "the poll")
    assert JobState.RUNNING is (await stage.load(job)).state


async def test_a_flood_of_hints_polls_no_more_often_than_allowed(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.statuses.extend([PENDING] * 99)
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.RUNNING)
        started_s = stage.runtime.clock.monotonic_s()
        sent = 0
        while stage.runtime.clock.monotonic_s() - started_s < 2 * LEAST_S:
            sent += 1
            await call_back(stage, f"end {job.attempt_id}", f"m{sent}")
            await asyncio.sleep(0)
        took_s = stage.runtime.clock.monotonic_s() - started_s
    assert 1 <= kling.status_calls <= 1 + took_s / LEAST_S
    assert sent > 2 * kling.status_calls


async def test_a_repetition_is_heard_once(stage: Stage) -> None:
    job = await running(stage)
    told = [await call_back(stage, f"end {job.attempt_id}") for _ in range(3)]
    assert ["hinted", "repeated", "repeated"] == told


async def test_news_that_come_during_a_step_hurry_the_next(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.hold_submit = asyncio.Event()
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.SUBMITTING)
        assert "noted" == await call_back(stage, f"end {job.attempt_id}")
        kling.hold_submit.set()
        assert JobState.COMPLETED is (await stage.finished(job)).state


async def test_news_of_work_in_between_are_not_followed(
    stage: Stage, kling: CallingProvider
) -> None:
    job = await running(stage)
    assert "ignored" == await call_back(stage, f"news {job.attempt_id}")
    async with stage.working():
        await stage.turned()
    assert 0 == kling.status_calls


async def test_strangers_are_ignored(stage: Stage) -> None:
    job = await running(stage)
    for about in (
        attempt_id(a_job_id(9), 1),
        attempt_id(job.id, 2),
        job.id,
        "gl:{main}:org",
        "?never heard of",
        "",
    ):
        assert "stranger" == await call_back(stage, f"end {about}")


async def test_another_account_s_job_is_a_stranger(stage: Stage, kling: CallingProvider) -> None:
    job = await running(stage)
    stage.adapters[KLING, "spare"] = kling
    callbacks = Callbacks(stage.runtime, SECRET)
    spare = callbacks.sender(callback_path(SECRET, KLING, "spare"))
    await callbacks.receive(spare, {}, f"end {job.attempt_id}".encode())
    assert ["stranger"] == [event.outcome for event in stage.observer.of(CallbackReceived)]


async def test_a_job_that_is_over_waits_for_no_news(stage: Stage) -> None:
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.RUNNING)
        await call_back(stage, f"end {job.attempt_id}")
        await stage.finished(job)
    assert "idle" == await call_back(stage, f"end {job.attempt_id}", "late")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("forged", SignatureRefused),
        ("stale", SignatureRefused),
        ("unreadable", InvalidRequest),
    ],
)
async def test_a_callback_that_is_refused_changes_nothing(
    stage: Stage, kling: CallingProvider, fault: str, error: type[Exception]
) -> None:
    job = await running(stage)
    with pytest.raises(error):
        await call_back(stage, f"{fault} {job.attempt_id}")
    assert [fault] == [event.outcome for event in stage.observer.of(CallbackReceived)]
    async with stage.working():
        await stage.turned()
    assert (job, 0) == (await stage.load(job), kling.status_calls)


async def test_without_the_store_a_callback_is_to_be_sent_again(stage: Stage) -> None:
    job = await running(stage)
    plain = stage.runtime.hints
    stage.lossy_hints()
    with pytest.raises(StoreUnavailable):
        await call_back(stage, f"end {job.attempt_id}")
    stage.runtime = replace(stage.runtime, hints=plain)
    assert "hinted" == await call_back(stage, f"end {job.attempt_id}")


@pytest.mark.parametrize(
    "path",
    [
        callback_path(b"another secret of 16", KLING, "main"),
        callback_path(SECRET, KLING, "gone"),
        callback_path(SECRET, VERTEX, "main"),
        callback_path(SECRET, KLING, "main") + "/",
        callback_path(SECRET, KLING, "main").replace("kling", "vertex"),
        "/callbacks/kling/",
        "/callbacks/kling/é",
        "",
    ],
)
async def test_any_other_address_is_nobody_s(stage: Stage, path: str) -> None:
    with pytest.raises(RouteNotFound):
        Callbacks(stage.runtime, SECRET).sender(path)
    (event,) = stage.observer.of(CallbackReceived)
    assert (None, "", "unknown_address") == (event.provider, event.account, event.outcome)


async def test_an_account_that_takes_none_has_no_address(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.takes_callbacks = False
    with pytest.raises(RouteNotFound):
        sender_of(stage)


def test_each_account_has_an_address_of_its_own_under_each_secret() -> None:
    paths = {
        callback_path(secret, provider, account)
        for secret in (SECRET, b"another secret of 16")
        for provider in (KLING, OPENAI)
        for account in ("main", "spare")
    }
    assert 8 == len(paths)
    assert all(SECRET.decode() not in path for path in paths)


async def test_a_provider_s_own_name_leads_to_the_job(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.names = True
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.RUNNING)
        assert "hinted" == await call_back(stage, f"end ?{job.attempt_id.upper()}")
        assert JobState.COMPLETED is (await stage.finished(job)).state


async def test_names_are_noted_only_where_callbacks_are_taken(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.names, kling.takes_callbacks = True, False
    job = await running(stage)
    assert [] == await stage.client.read(("KEYS", "*:op:*"))
    kling.takes_callbacks = True
    await remember(stage.runtime, job)
    assert 1 == len(await stage.client.read(("KEYS", "*:op:*")))


async def test_an_accept_survives_a_store_that_cannot_note_its_name(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.names = True
    view = await stage.create()
    plain, stage.may_report = stage.runtime.hints, True
    lost = Switch(LostHints())
    stage.runtime = replace(stage.runtime, hints=lost)
    async with stage.working():

        async def was_tried() -> bool:
            return lost.tries > 1

        await wait_until(was_tried, "two tries")
        lost.now = plain
        job = await stage.reached(view.job, JobState.RUNNING)
    assert 1 == len(kling.accepted)
    assert job.attempt.operation is not None


async def test_a_lost_submit_is_looked_up_as_soon_as_it_is_heard_of(
    stage: Stage, kling: CallingProvider
) -> None:
    kling.submits.append(failing(FailureKind.UNKNOWN_OUTCOME))
    kling.finds.append(True)
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.UNKNOWN)
        assert "hinted" == await call_back(stage, f"end {job.attempt_id}")
        job = await stage.reached(job, JobState.RUNNING, JobState.COMPLETED)
    assert 1 == len(stage.observer.of(OutcomeUnknown))


async def test_look_ups_that_were_hurried_use_up_none_of_those_planned(
    new_stage: StageMaker,
) -> None:
    kling = CallingProvider()
    stage = new_stage(snapshot=polled_seldom((60.0, 120.0)), kling=kling)
    kling.submits.append(failing(FailureKind.UNKNOWN_OUTCOME))
    kling.finds.extend([False, failing(FailureKind.UNAVAILABLE)])
    view = await stage.create()
    async with stage.working():
        job = await stage.reached(view.job, JobState.UNKNOWN)
        for number in (1, 0):
            await call_back(stage, f"end {job.attempt_id}", f"m{number}")

            async def was_found_out(left: int = number) -> bool:
                return len(kling.finds) == left

            await wait_until(was_found_out, "the look-up")
        await stage.turned()
        job = await stage.load(job)
    assert (JobState.UNKNOWN, 0, 0) == (
        job.state,
        job.work.look_ups,
        job.work.look_up_failures,
    )
    score = await stage.client.read(("ZSCORE", stage.keys.due(), job.id))
    assert 50 < float(score) / 1000 - stage.runtime.balances.now_ms() / 1000 <= 60
