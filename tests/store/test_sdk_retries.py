"""Creates that an SDK sends again without a key: each sentence of the rule."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.bucket import Bucket, RateLimit
from proxy.domain.ids import KeyId
from proxy.gateway.ports.admission import (
    TOO_MANY_JOBS_RETRY_S,
    Accepted,
    BucketEmpty,
    OverBudget,
    Replayed,
    TooManyOpen,
)
from tests.job_builders import a_job, a_job_id
from tests.store.dump import dump
from tests.store.stores import a_balance, a_bucket, a_command

if TYPE_CHECKING:
    from proxy.domain.bucket import BucketState
    from proxy.domain.job import Job
    from tests.store.stores import Store

MINUTE_US = 60_000_000
RECORDS_MAX = 256


def a_slow_bucket(interval_us: int, capacity: int = 1) -> Bucket:
    return Bucket(name="submit", limit=RateLimit(capacity=capacity, interval_us=interval_us))


async def replayed(store: Store, number: int, sdk_try: int) -> Job | None:
    """The job that answers a create; None when it was accepted as a new one."""
    result = await store.admission.admit(a_command(number, sdk_try=sdk_try))
    if isinstance(result, Replayed):
        return result.job
    assert isinstance(result, Accepted), result
    return None


async def test_a_first_try_is_always_a_new_create(store: Store) -> None:
    assert await replayed(store, 0, sdk_try=0) is None
    assert await replayed(store, 1, sdk_try=0) is None


async def test_a_retry_is_answered_with_the_job_whose_answer_was_lost(store: Store) -> None:
    job = await store.admitted(a_command(0))
    assert job == await replayed(store, 1, sdk_try=1)
    assert job == await replayed(store, 2, sdk_try=2)


async def test_a_retry_with_nothing_to_replay_is_a_new_create(store: Store) -> None:
    assert await replayed(store, 0, sdk_try=1) is None
    assert await replayed(store, 1, sdk_try=2) == await store.jobs.load(a_job_id(0))


async def test_only_the_same_request_of_the_same_key_is_replayed(store: Store) -> None:
    await store.admitted(a_command(0))
    other_key = replace(a_job(id=a_job_id(1), attempts=()), key=KeyId("otherkey"))
    result = await store.admission.admit(a_command(job=other_key, sdk_try=1))
    assert isinstance(result, Accepted)
    other_request = replace(a_job(id=a_job_id(2), attempts=()), fingerprint="f" * 64)
    result = await store.admission.admit(a_command(job=other_request, sdk_try=1))
    assert isinstance(result, Accepted)


async def test_the_newest_job_is_replayed(store: Store) -> None:
    await store.admitted(a_command(0))
    newest = await store.admitted(a_command(1))
    assert newest == await replayed(store, 2, sdk_try=1)


async def test_a_job_answers_one_try_of_a_number(store: Store) -> None:
    jobs = [await store.admitted(a_command(number)) for number in range(2)]
    found = [await replayed(store, 2 + number, sdk_try=1) for number in range(3)]
    assert [jobs[1], jobs[0], None] == found


async def test_a_job_that_was_fetched_is_not_replayed(store: Store) -> None:
    job = await store.admitted(a_command(0))
    await store.jobs.mark_fetched(job)
    fetched = await store.jobs.load(job.id)
    assert fetched is not None
    assert fetched.is_fetched
    assert await replayed(store, 1, sdk_try=1) is None


async def test_a_cancelled_job_is_not_replayed(store: Store) -> None:
    await store.jobs.cancel(await store.admitted(a_command(0)), is_forgotten=False)
    assert await replayed(store, 1, sdk_try=1) is None


async def test_a_job_is_replayed_for_a_quarter_of_an_hour(store: Store) -> None:
    job = await store.admitted(a_command(0))
    key = store.keys.tries(job.key, job.fingerprint)
    assert 0 < await store.client.read(("PTTL", key)) <= 15 * 60 * 1000
    kind, name, tries, until_ms = (await store.client.read(("GET", key))).split()
    assert (b"j", job.id.encode(), b"0") == (kind, name, tries)
    late_by_ms = int(until_ms) - job.attempt.reserved_at_ms
    assert 15 * 60 * 1000 == late_by_ms
    aged = b" ".join((kind, name, tries, b"%d" % (job.attempt.reserved_at_ms - 1)))
    await store.client.call(("SET", key, aged, "KEEPTTL"))
    assert await replayed(store, 1, sdk_try=1) is None


async def test_a_replay_spends_no_token_and_checks_no_budget(store: Store) -> None:
    await store.admitted(a_command(0, buckets=(a_bucket(1),)))
    again = a_command(1, buckets=(a_bucket(1),), balances=(a_balance(0),), queued_max=0, sdk_try=1)
    assert isinstance(await store.admission.admit(again), Replayed)
    assert await store.accounts.team_state(a_job().team, (), ()) is not None
    assert 1 == len([entry async for entry in store.ledger.entries()])


async def test_a_retry_of_a_429_is_a_new_create(store: Store) -> None:
    await store.admitted(a_command(0))
    full = a_command(1, queued_max=1)
    assert isinstance(await store.admission.admit(full), TooManyOpen)
    assert await replayed(store, 2, sdk_try=1) is None
    # That refusal is consumed: the next retry means the first job, then the second.
    assert a_job_id(0) == _id(await replayed(store, 3, sdk_try=1))


async def test_an_empty_bucket_that_refills_soon_leaves_a_counter(store: Store) -> None:
    bucket = a_slow_bucket(MINUTE_US)
    await store.admitted(a_command(0, buckets=(bucket,)))
    assert isinstance(await store.admission.admit(a_command(1, buckets=(bucket,))), BucketEmpty)
    assert await replayed(store, 2, sdk_try=1) is None


async def test_an_sdk_does_not_retry_a_long_wait_so_it_leaves_no_counter(store: Store) -> None:
    bucket = a_slow_bucket(3 * MINUTE_US)
    job = await store.admitted(a_command(0, buckets=(bucket,)))
    assert isinstance(await store.admission.admit(a_command(1, buckets=(bucket,))), BucketEmpty)
    assert job == await replayed(store, 2, sdk_try=1)


async def test_the_counter_ends_half_a_minute_after_retry_after(store: Store) -> None:
    bucket = a_slow_bucket(MINUTE_US)
    job = await store.admitted(a_command(0, buckets=(bucket,)))
    refused = await store.admission.admit(a_command(1, buckets=(bucket,)))
    assert isinstance(refused, BucketEmpty)
    records = (await store.client.read(("GET", store.keys.tries(job.key, job.fingerprint)))).split(
        b"\n"
    )
    kind, name, tries, until_ms = records[1].split()
    assert (b"x", a_job_id(1).encode(), b"0") == (kind, name, tries)
    left_ms = int(until_ms) - await store.accounts.now_ms()
    assert _retry_after_ms(refused.buckets) + 29_000 < left_ms
    assert left_ms <= _retry_after_ms(refused.buckets) + 31_000


async def test_the_counter_of_too_many_jobs_ends_half_a_minute_after_retry_after(
    store: Store,
) -> None:
    job = await store.admitted(a_command(0))
    assert isinstance(await store.admission.admit(a_command(1, queued_max=1)), TooManyOpen)
    records = await store.client.read(("GET", store.keys.tries(job.key, job.fingerprint)))
    until_ms = int(records.split(b"\n")[1].split()[3])
    left_ms = until_ms - await store.accounts.now_ms()
    assert 25_000 < left_ms - TOO_MANY_JOBS_RETRY_S * 1000 <= 30_000


async def test_a_402_leaves_no_counter(store: Store) -> None:
    """A 402, and later an accepted create whose answer is lost, buy one."""
    poor = a_command(0, balances=(a_balance(0),))
    assert isinstance(await store.admission.admit(poor), OverBudget)
    job = await store.admitted(a_command(1))
    assert job == await replayed(store, 2, sdk_try=1)


async def test_a_retry_that_consumed_a_refusal_and_is_refused_again_counts_again(
    store: Store,
) -> None:
    first = await store.admitted(a_command(0))
    for number in range(2):
        full = a_command(1 + number, queued_max=1, sdk_try=number)
        assert isinstance(await store.admission.admit(full), TooManyOpen)
    assert await replayed(store, 3, sdk_try=2) is None
    assert first == await replayed(store, 4, sdk_try=1)


async def test_a_retry_that_consumed_a_refusal_may_be_refused_for_money(store: Store) -> None:
    await store.admitted(a_command(0))
    assert isinstance(await store.admission.admit(a_command(1, queued_max=1)), TooManyOpen)
    poor = a_command(2, balances=(a_balance(0),), sdk_try=1)
    assert isinstance(await store.admission.admit(poor), OverBudget)
    assert isinstance(await store.admission.admit(poor), OverBudget)
    # The refusal is consumed: what follows is a retry of a create that was accepted.
    assert a_job_id(0) == _id(await replayed(store, 3, sdk_try=1))


async def test_a_refused_create_that_is_sent_again_counts_once(store: Store) -> None:
    await store.admitted(a_command(0))
    full = a_command(1, queued_max=1)
    for _ in range(2):
        assert isinstance(await store.admission.admit(full), TooManyOpen)
    assert await replayed(store, 2, sdk_try=1) is None
    assert a_job_id(0) == _id(await replayed(store, 3, sdk_try=1))


async def test_a_replay_that_is_sent_again_gets_the_same_job(store: Store) -> None:
    jobs = [await store.admitted(a_command(number)) for number in range(2)]
    assert jobs[1] == await replayed(store, 2, sdk_try=1)
    before = await dump(store.client)
    assert jobs[1] == await replayed(store, 2, sdk_try=1)
    assert before == await dump(store.client)
    assert jobs[0] == await replayed(store, 3, sdk_try=1)


async def test_four_equal_creates_one_refused_once_end_as_four_jobs(store: Store) -> None:
    first = [a_command(number, queued_max=3) for number in range(4)]
    results = await asyncio.gather(*(store.admission.admit(command) for command in first))
    refused = [result for result in results if isinstance(result, TooManyOpen)]
    assert 1 == len(refused)
    assert await replayed(store, 4, sdk_try=1) is None
    state = await store.accounts.team_state(a_job().team, (), ())
    assert 4 == state.open_jobs


async def test_a_create_whose_answer_is_lost_twice_ends_as_one_job(store: Store) -> None:
    job = await store.admitted(a_command(0, sdk_try=0))
    assert [job, job] == [await replayed(store, n, sdk_try=n) for n in (1, 2)]
    state = await store.accounts.team_state(job.team, (), ())
    assert 1 == state.open_jobs


async def test_only_the_newest_records_of_a_request_are_kept(store: Store) -> None:
    """A load test sends one request ten thousand times; each create reads what is kept of them."""
    rich = (a_balance(10**12),)
    jobs = [
        await store.admitted(a_command(number, buckets=(), balances=rich))
        for number in range(RECORDS_MAX + 9)
    ]
    records = await store.client.read(("GET", store.keys.tries(jobs[0].key, jobs[0].fingerprint)))
    kept = [line.split()[1].decode() for line in records.splitlines()]
    assert [job.id for job in jobs[-RECORDS_MAX:]] == kept
    assert jobs[-1] == await replayed(store, 999, sdk_try=1)


async def test_an_idempotency_key_takes_the_place_of_the_rule(store: Store) -> None:
    await store.admitted(a_command(0))
    keyed = a_command(1, sdk_try=1, idempotency_key="k")
    assert isinstance(await store.admission.admit(keyed), Accepted)


def _id(job: Job | None) -> str | None:
    return job.id if job is not None else None


def _retry_after_ms(buckets: tuple[BucketState, ...]) -> float:
    return max(bucket.retry_after_us for bucket in buckets) / 1000
