"""Jobs as clients meet them: reading, listing, cancelling, forgetting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import JobId, TeamId
from proxy.domain.job import JobState, PublicStatus, Resolution, is_over, mark_of
from proxy.gateway.ports.jobs import Glimpse, Settle
from proxy.store.listing import SCAN_STEP, Listing
from tests.builders import MARKETING, NOW_MS
from tests.job_builders import a_job, a_job_id
from tests.store.dump import dump
from tests.store.stores import DOLLAR, KEY, RETENTION_S, a_balance, a_bucket, a_command

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.store.stores import Store


async def several(store: Store, count: int, *, step_ms: int = 1) -> list[Job]:
    """Jobs created one after the other, `step_ms` apart; 0 makes them of one millisecond."""
    return [
        await store.admitted(
            a_command(
                job=a_job(
                    id=a_job_id(number), attempts=(), created_at_ms=NOW_MS + step_ms * number
                ),
                buckets=(),
                balances=(a_balance(count * DOLLAR),),
            )
        )
        for number in range(count)
    ]


async def test_reading_spends_a_token_of_each_bucket(store: Store) -> None:
    job = await store.admitted()
    found, states = await store.jobs.read(MARKETING, job.id, [a_bucket(2, name="poll")], key=KEY)
    assert job == found
    assert [1] == [state.remaining for state in states]


async def test_an_empty_bucket_hides_the_job(store: Store) -> None:
    job = await store.admitted()
    poll = [a_bucket(1, name="poll")]
    await store.jobs.read(MARKETING, job.id, poll, key=KEY)
    found, [state] = await store.jobs.read(MARKETING, job.id, poll, key=KEY)
    assert found is None
    assert state.retry_after_us > 0


async def test_another_team_s_job_does_not_exist(store: Store) -> None:
    job = await store.admitted()
    assert (None, ()) == await store.jobs.read(TeamId("product"), job.id, [], key=KEY)
    assert (None, ()) == await store.jobs.read(MARKETING, a_job_id(99), [], key=KEY)


async def test_a_page_is_newest_first_and_says_whether_there_is_more(store: Store) -> None:
    jobs = await several(store, 5)
    page = await store.jobs.page(MARKETING, after=None, limit=2, is_ascending=False)
    assert ((jobs[4], jobs[3]), True) == (page.jobs, page.has_more)
    page = await store.jobs.page(MARKETING, after=jobs[3].id, limit=3, is_ascending=False)
    assert ((jobs[2], jobs[1], jobs[0]), False) == (page.jobs, page.has_more)


async def test_a_page_can_be_oldest_first(store: Store) -> None:
    jobs = await several(store, 3)
    page = await store.jobs.page(MARKETING, after=jobs[0].id, limit=1, is_ascending=True)
    assert ((jobs[1],), True) == (page.jobs, page.has_more)


@pytest.mark.parametrize("is_ascending", [True, False])
async def test_jobs_of_one_millisecond_are_all_met_once(store: Store, is_ascending: bool) -> None:
    jobs = await several(store, 45, step_ms=0)
    met: list[JobId] = []
    after = None
    while True:
        page = await store.jobs.page(MARKETING, after=after, limit=2, is_ascending=is_ascending)
        met += [job.id for job in page.jobs]
        after = met[-1]
        if not page.has_more:
            break
    ids = sorted(job.id for job in jobs)
    assert (ids if is_ascending else ids[::-1]) == met


async def test_a_page_of_nothing(store: Store) -> None:
    page = await store.jobs.page(MARKETING, after=None, limit=10, is_ascending=False)
    assert ((), False) == (page.jobs, page.has_more)
    await several(store, 1)
    page = await store.jobs.page(MARKETING, after=None, limit=0, is_ascending=False)
    assert ((), True) == (page.jobs, page.has_more)


async def test_an_unknown_place_starts_from_the_beginning(store: Store) -> None:
    jobs = await several(store, 2)
    page = await store.jobs.page(MARKETING, after=a_job_id(77), limit=9, is_ascending=False)
    assert (jobs[1], jobs[0]) == page.jobs


async def test_a_forgotten_job_still_is_a_place_to_go_on_from(store: Store) -> None:
    jobs = await several(store, 3)
    await store.jobs.cancel(jobs[1], is_forgotten=True)
    page = await store.jobs.page(MARKETING, after=jobs[1].id, limit=9, is_ascending=False)
    assert (jobs[0],) == page.jobs


@pytest.mark.breaks("a job")
async def test_records_past_retention_leave_the_list(store: Store) -> None:
    jobs = await several(store, 3)
    await store.client.call(("DEL", store.keys.job(jobs[1].id)))
    page = await store.jobs.page(MARKETING, after=None, limit=2, is_ascending=False)
    assert ((jobs[2], jobs[0]), False) == (page.jobs, page.has_more)
    assert 2 == await store.client.read(("ZCARD", store.keys.job_list(MARKETING)))


async def test_a_record_that_cannot_be_read_is_left_out_of_a_page(store: Store) -> None:
    jobs = await several(store, 3)
    await store.client.call(("HSET", store.keys.job(jobs[1].id), "d", "damaged"))
    page = await store.jobs.page(MARKETING, after=None, limit=9, is_ascending=True)
    assert (jobs[0], jobs[2]) == page.jobs
    assert 3 == await store.client.read(("ZCARD", store.keys.job_list(MARKETING)))


async def test_a_page_of_one_status(store: Store) -> None:
    jobs = await several(store, 5)
    over = [await store.cancelled(jobs[n], is_forgotten=False) for n in (1, 2, 4)]
    await store.client.call(("HSET", store.keys.job(jobs[3].id), "s", "?"))
    page = await store.jobs.page(
        MARKETING, after=None, limit=2, is_ascending=True, status=PublicStatus.FAILED
    )
    assert ((over[0], over[1]), True, over[1].id) == (page.jobs, page.has_more, page.last)
    page = await store.jobs.page(
        MARKETING, after=page.last, limit=2, is_ascending=True, status=PublicStatus.FAILED
    )
    assert ((over[2],), False) == (page.jobs, page.has_more)
    page = await store.jobs.page(
        MARKETING, after=None, limit=2, is_ascending=True, status=PublicStatus.QUEUED
    )
    assert (jobs[0],) == page.jobs


@pytest.mark.breaks("a job")
async def test_a_page_that_looked_at_enough_says_where_to_go_on(store: Store) -> None:
    """Also where the last job it looked at is gone, and so is no place to go on from."""
    jobs = await several(store, 450)
    over = await store.cancelled(jobs[401], is_forgotten=False)
    await store.client.call(("DEL", store.keys.job(jobs[199].id)))
    listing = Listing(store.client, store.keys, scan_max=SCAN_STEP)
    met: list[Job] = []
    after: JobId | None = None
    for has_more, reached in ((True, 198), (True, 399), (False, 401)):
        page = await listing.page(
            MARKETING, after=after, limit=9, is_ascending=True, status=PublicStatus.FAILED
        )
        assert (has_more, jobs[reached].id) == (page.has_more, page.last)
        met += page.jobs
        after = page.last
    assert [over] == met


async def test_cancelling_a_queued_job_releases_and_ends_it(store: Store) -> None:
    job = await store.admitted(a_command(balances=(a_balance(),)))
    ended = await store.cancelled(job, is_forgotten=False)
    assert (JobState.CANCELLED, True) == (ended.state, ended.cancel_requested)
    assert (Resolution.RELEASED, "cancelled") == (
        ended.attempt.resolution,
        ended.attempt.resolved_by,
    )
    assert [(0, 0)] == await store.used(a_balance())
    assert [] == await store.waiting(10)
    assert () == (await store.ledger.verify()).violations
    assert RETENTION_S - 5 <= await store.client.read(("TTL", store.keys.job(job.id)))


async def test_cancelling_twice_is_cancelling_once(store: Store) -> None:
    job = await store.admitted()
    first = await store.cancelled(job, is_forgotten=True)
    before = await dump(store.client)
    assert first == await store.cancelled(job, is_forgotten=True)
    assert before == await dump(store.client)


async def test_only_the_cancel_that_ends_a_job_says_so(store: Store) -> None:
    job = await store.admitted()
    cancels = [await store.jobs.cancel(job, is_forgotten=False) for _ in range(2)]
    assert [True, False] == [cancel.has_ended_it for cancel in cancels]
    running = await store.running(await store.admitted(a_command(1)))
    flagged = await store.jobs.cancel(running, is_forgotten=False)
    assert not flagged.has_ended_it


async def test_cancelling_a_running_job_flags_it(store: Store) -> None:
    job = await store.running()
    flagged = await store.cancelled(job, is_forgotten=False)
    assert replace(job, cancel_requested=True, is_fetched=True) == flagged
    assert Resolution.OPEN is flagged.attempt.resolution


async def test_cancelling_a_finished_job_changes_nothing(store: Store) -> None:
    job = await store.running()
    after = replace(job, state=JobState.COMPLETED, is_fetched=True)
    await store.jobs.mark_fetched(job)
    ended = await store.work.finish(job, after, Settle(charged_micro_usd=1, by="reported"))
    assert ended == await store.cancelled(ended, is_forgotten=False)


async def test_a_forgotten_job_leaves_the_list_and_says_so(store: Store) -> None:
    job = await store.running()
    forgotten = await store.cancelled(job, is_forgotten=True)
    assert forgotten.is_deleted
    assert forgotten.cancel_requested
    page = await store.jobs.page(MARKETING, after=None, limit=9, is_ascending=False)
    assert () == page.jobs


async def test_a_job_that_failed_over_meanwhile_is_cancelled_all_the_same(
    store: Store,
) -> None:
    job = await store.admitted()
    stale = replace(job, attempts=(*job.attempts, replace(job.attempt, number=2)))
    ended = await store.cancelled(stale, is_forgotten=False)
    assert (JobState.CANCELLED, 1) == (ended.state, len(ended.attempts))


@pytest.mark.breaks("a job")
async def test_cancelling_what_is_gone_changes_nothing(store: Store) -> None:
    job = await store.admitted()
    await store.client.call(("DEL", store.keys.job(job.id)))
    assert job == await store.cancelled(job, is_forgotten=True)
    assert await store.jobs.load(job.id) is None


async def test_a_glimpse_is_what_the_whole_job_would_say(store: Store) -> None:
    queued, running, ended, cancelled = await several(store, 4)
    running = await store.running(running)
    work = replace(running.work, polls=3, progress=40)
    running = await store.work.commit(running, replace(running, work=work), due_in_s=9)
    ended = await store.running(ended)
    await store.work.finish(
        ended, replace(ended, state=JobState.FAILED), Settle(charged_micro_usd=1, by="test")
    )
    await store.running(cancelled)
    await store.cancelled(cancelled, is_forgotten=False)
    ids = [job.id for job in (queued, running, ended, cancelled)]
    seen = await store.jobs.glimpses([*ids, a_job_id(99)])
    assert Glimpse(is_over=True, mark="") == seen[a_job_id(99)]
    for job_id in ids:
        job = await store.jobs.load(job_id)
        assert job is not None
        assert Glimpse(is_over=is_over(job), mark=mark_of(job)) == seen[job_id]
    assert ["queued-1-0", "in_progress-1-40", "failed", "failed"] == [seen[i].mark for i in ids]


@pytest.mark.breaks
async def test_a_damaged_record_is_nobody_else_s_trouble(store: Store) -> None:
    damaged, whole = await several(store, 2)
    await store.client.call(("HSET", store.keys.job(damaged.id), "s", "?"))
    seen = await store.jobs.glimpses([damaged.id, whole.id])
    assert [False, False] == [seen[job.id].is_over for job in (damaged, whole)]
    assert seen[damaged.id].mark != seen[whole.id].mark == "queued-1-0"
