"""An Idempotency-Key is bound by an accepted create only, and to one request."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import KeyId
from proxy.gateway.ports.admission import (
    Accepted,
    BucketEmpty,
    KeyConflict,
    OverBudget,
    Replayed,
)
from tests.job_builders import a_job, a_job_id
from tests.store.dump import dump
from tests.store.stores import a_balance, a_bucket, a_command

if TYPE_CHECKING:
    from tests.store.stores import Store

HEADER = "order 4711"


async def test_the_same_request_is_answered_with_the_first_job(store: Store) -> None:
    first = await store.admitted(a_command(0, idempotency_key=HEADER))
    before = await dump(store.client)
    result = await store.admission.admit(a_command(1, idempotency_key=HEADER))
    assert isinstance(result, Replayed)
    assert first == result.job
    assert before == await dump(store.client)


async def test_a_replay_needs_no_token_no_budget_and_no_room(store: Store) -> None:
    await store.admitted(a_command(0, buckets=(a_bucket(1),), idempotency_key=HEADER))
    again = a_command(
        1,
        buckets=(a_bucket(1),),
        balances=(a_balance(0),),
        queued_max=0,
        idempotency_key=HEADER,
    )
    result = await store.admission.admit(again)
    assert isinstance(result, Replayed)
    assert [0] == [state.remaining for state in result.buckets]


async def test_another_request_under_the_key_is_a_conflict(store: Store) -> None:
    await store.admitted(a_command(0, idempotency_key=HEADER))
    other = replace(a_job(id=a_job_id(1), attempts=()), fingerprint="f" * 64)
    before = await dump(store.client)
    result = await store.admission.admit(a_command(job=other, idempotency_key=HEADER))
    assert isinstance(result, KeyConflict)
    assert before == await dump(store.client)


async def test_refusals_bind_nothing(store: Store) -> None:
    poor = a_command(0, balances=(a_balance(0),), idempotency_key=HEADER)
    assert isinstance(await store.admission.admit(poor), OverBudget)
    empty = a_command(1, buckets=(a_bucket(1),), idempotency_key="another")
    await store.admitted(empty)
    limited = a_command(2, buckets=(a_bucket(1),), idempotency_key=HEADER)
    assert isinstance(await store.admission.admit(limited), BucketEmpty)
    other = replace(a_job(id=a_job_id(3), attempts=()), fingerprint="f" * 64)
    command = a_command(job=other, buckets=(), idempotency_key=HEADER)
    assert isinstance(await store.admission.admit(command), Accepted)


async def test_keys_are_scoped_to_the_api_key(store: Store) -> None:
    await store.admitted(a_command(0, idempotency_key=HEADER))
    other = replace(a_job(id=a_job_id(1), attempts=()), key=KeyId("otherkey"))
    result = await store.admission.admit(a_command(job=other, idempotency_key=HEADER))
    assert isinstance(result, Accepted)


async def test_a_key_lives_for_a_day(store: Store) -> None:
    job = await store.admitted(a_command(0, idempotency_key=HEADER))
    ttl_s = await store.client.read(("TTL", store.keys.idempotency(job.key, HEADER)))
    assert 24 * 3600 - 5 <= ttl_s <= 24 * 3600


@pytest.mark.breaks("a job")
async def test_a_key_whose_job_is_past_retention_is_free_again(store: Store) -> None:
    job = await store.admitted(a_command(0, idempotency_key=HEADER))
    await store.client.call(("DEL", store.keys.job(job.id)))
    result = await store.admission.admit(a_command(1, idempotency_key=HEADER))
    assert isinstance(result, Accepted)


async def test_asking_again_for_one_job_id_answers_the_same(store: Store) -> None:
    command = a_command()
    first = await store.admission.admit(command)
    before = await dump(store.client)
    second = await store.admission.admit(command)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.job == second.job
    assert before == await dump(store.client)
