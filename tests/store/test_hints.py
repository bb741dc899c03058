"""Hints: the next step comes sooner, but never too soon, and nothing else changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import AttemptId, attempt_id
from proxy.domain.job import JobState, Work
from proxy.gateway.ports.hints import Heard
from proxy.gateway.ports.jobs import Release
from tests.builders import KLING, OPENAI
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.store.stores import Store

LEAST_S = 5.0
SOON_S = 0.5
"""What "now" may be late by in a test, far below every other time in it."""


async def due_in_s(store: Store, job: Job) -> float:
    score = await store.client.read(("ZSCORE", store.keys.due(), job.id))
    return (float(score) - await store.accounts.now_ms()) / 1000


async def hinted(store: Store, job: Job, message: str = "m", least_s: float = LEAST_S) -> Heard:
    return await store.hints.hint(job.attempt_id, message=message, least_s=least_s)


async def claimed(store: Store, job: Job) -> Job:
    (mine,) = await store.work.claim([job.id], lease_s=30)
    return mine


async def test_a_running_job_that_was_never_asked_about_is_due_now(store: Store) -> None:
    job = await store.running(due_in_s=60)
    assert Heard.HINTED is await hinted(store, job)
    assert abs(await due_in_s(store, job)) < SOON_S
    assert job == await store.jobs.load(job.id)


async def test_a_job_is_not_asked_about_sooner_than_the_least_time(store: Store) -> None:
    job = await claimed(store, await store.running())
    await store.work.commit(job, replace(job, work=Work(polls=1)), due_in_s=60)
    for number in range(20):
        assert Heard.HINTED is await hinted(store, job, f"m{number}")
    assert LEAST_S - SOON_S < await due_in_s(store, job) <= LEAST_S


async def test_a_hint_never_puts_a_step_off(store: Store) -> None:
    job = await claimed(store, await store.running())
    await store.work.commit(job, job, due_in_s=1)
    await hinted(store, job)
    assert await due_in_s(store, job) <= 1


async def test_a_message_is_heard_once(store: Store) -> None:
    job = await store.running(due_in_s=60)
    first = await asyncio.gather(*(hinted(store, job) for _ in range(5)))
    assert sorted([Heard.HINTED, *[Heard.REPEATED] * 4]) == sorted(first)
    mine = await claimed(store, job)
    await store.work.commit(mine, mine, due_in_s=60)
    assert Heard.REPEATED is await hinted(store, job)
    assert 60 - SOON_S < await due_in_s(store, job)


async def test_a_job_in_a_worker_s_hands_stays_there(store: Store) -> None:
    job = await claimed(store, await store.running())
    assert Heard.NOTED is await hinted(store, job)
    assert 30 - SOON_S < await due_in_s(store, job)
    assert [] == await store.work.claim([job.id], lease_s=30)


async def test_a_step_under_way_is_followed_by_one_that_comes_sooner(store: Store) -> None:
    job = await claimed(store, await store.running())
    await hinted(store, job, least_s=3)
    kept = await store.work.commit(job, job, due_in_s=30, keeps_lease=True)
    assert 30 - SOON_S < await due_in_s(store, job)
    stored = await store.work.commit(kept, replace(kept, work=Work(polls=1)), due_in_s=60)
    assert 3 - SOON_S < await due_in_s(store, job) <= 3
    again = await store.work.commit(stored, stored, due_in_s=60)
    assert 60 - SOON_S < await due_in_s(store, again)


async def test_news_that_overtake_the_answer_to_a_submit_are_kept(store: Store) -> None:
    job = await store.begun(await store.admitted())
    assert Heard.NOTED is await hinted(store, job)
    running = await store.work.commit(job, replace(job, state=JobState.RUNNING), due_in_s=60)
    assert abs(await due_in_s(store, running)) < SOON_S


async def test_a_look_up_of_an_unknown_outcome_comes_sooner(store: Store) -> None:
    job = await claimed(store, await store.running())
    held = await store.work.commit(job, replace(job, state=JobState.UNKNOWN), due_in_s=600)
    assert Heard.HINTED is await hinted(store, held, least_s=2)
    assert 2 - SOON_S < await due_in_s(store, held) <= 2


async def test_a_hint_does_not_hurry_a_job_into_its_queue_or_its_download(store: Store) -> None:
    job = await claimed(store, await store.running())
    await hinted(store, job)
    storing = await store.work.commit(job, replace(job, state=JobState.STORING), due_in_s=60)
    assert 60 - SOON_S < await due_in_s(store, storing)
    assert Heard.IDLE is await hinted(store, storing, "another")
    assert 60 - SOON_S < await due_in_s(store, storing)


async def test_a_submit_sent_back_to_the_queue_is_not_hurried(store: Store) -> None:
    job = await store.begun(await store.admitted())
    await hinted(store, job)
    await store.work.commit(job, replace(job, state=JobState.QUEUED), due_in_s=60)
    assert [] == await store.waiting(9)


@pytest.mark.parametrize("state", ["queued", "over", "another attempt", "gone"])
async def test_nothing_waits_for_news_of(store: Store, state: str) -> None:
    job = await store.admitted()
    attempt = job.attempt_id
    if state == "over":
        running = await store.running(job)
        await store.work.finish(
            running, replace(running, state=JobState.FAILED), Release(by="test")
        )
    elif state == "another attempt":
        attempt = attempt_id((await store.running(job)).id, 2)
    elif state == "gone":
        attempt = attempt_id(a_job_id(9), 1)
    assert Heard.IDLE is await store.hints.hint(attempt, message="m", least_s=0)
    loaded = await store.jobs.load(job.id)
    assert loaded is not None


async def test_what_a_job_heard_is_forgotten_with_its_end(store: Store) -> None:
    job = await claimed(store, await store.running())
    await hinted(store, job)
    await store.work.finish(job, replace(job, state=JobState.FAILED), Release(by="test"))
    left = await store.client.read(("HMGET", store.keys.job(job.id), "p", "h"))
    assert [None, None] == left


async def test_what_is_no_attempt_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="attempt"):
        await store.hints.hint(AttemptId("gl:{main}:org"), message="m", least_s=0)


async def test_an_operation_leads_to_its_attempt(store: Store) -> None:
    attempt = attempt_id(a_job_id(1), 1)
    await store.hints.remember(OPENAI, "main", "video_1", attempt=attempt, life_s=60)
    assert attempt == await store.hints.attempt(OPENAI, "main", "video_1")
    assert await store.hints.attempt(OPENAI, "main", "video_2") is None
    assert await store.hints.attempt(OPENAI, "spare", "video_1") is None
    assert await store.hints.attempt(KLING, "main", "video_1") is None
