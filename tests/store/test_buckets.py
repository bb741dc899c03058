"""Buckets in Lua are the buckets of the domain, microsecond by microsecond."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.domain.bucket import Bucket, LimitMode, RateLimit, spend, spend_all
from proxy.store.arguments import bucket_fields, bucket_states, bucket_terms
from proxy.store.client import Client
from proxy.store.script import Script
from tests.builders import MARKETING
from tests.store.stores import KEY, Store, a_bucket

if TYPE_CHECKING:
    from proxy.store.address import Address

limits = st.builds(
    RateLimit,
    capacity=st.integers(1, 1000),
    interval_us=st.one_of(st.integers(1, 2000), st.integers(10**6, 7 * 10**12)),
)
offsets = st.one_of(st.just(0), st.integers(-(10**7), 10**7), st.integers(-(10**15), 7 * 10**15))


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(limit=limits, offset_us=offsets)
def test_one_spend_is_the_domain_s(
    redis_address: Address, limit: RateLimit, offset_us: int
) -> None:
    async def compare() -> None:
        client = Client(redis_address)
        seconds, micros = await client.read(("TIME",))
        tat_us = max(0, int(seconds) * 10**6 + int(micros) + offset_us)
        await client.call(("HSET", "gl:{main}:team:x", "b|x", tat_us))
        bucket = Bucket(name="x", limit=limit)
        arguments = [1, 1, "k", *bucket_fields([bucket]), *bucket_terms([bucket])]
        script = Script.load("spend")
        now_us, is_allowed, is_spent, _, after_us = await script.run(
            client, ["gl:{main}:team:x"], arguments
        )
        expected = spend(limit, tat_us, now_us)
        assert (expected.is_allowed, expected.tat_us) == (bool(is_allowed), after_us)
        [state] = bucket_states([bucket], [after_us], now_us, is_spent=bool(is_spent))
        assert (expected.remaining, expected.retry_after_us, expected.reset_us) == (
            state.remaining,
            state.retry_after_us,
            state.reset_us,
        )
        await client.call(("DEL", "gl:{main}:team:x"))
        await client.close()

    asyncio.run(compare())


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(terms=st.lists(st.tuples(limits, st.sampled_from(LimitMode), offsets), max_size=3))
def test_several_buckets_are_the_domain_s(
    redis_address: Address, terms: list[tuple[RateLimit, LimitMode, int]]
) -> None:
    async def compare() -> None:
        client = Client(redis_address)
        seconds, micros = await client.read(("TIME",))
        base_us = int(seconds) * 10**6 + int(micros)
        tats_us = [max(0, base_us + offset_us) for _, _, offset_us in terms]
        buckets = [
            Bucket(name=f"{number}", limit=limit, mode=mode)
            for number, (limit, mode, _) in enumerate(terms)
        ]
        key, fields = "gl:{main}:team:x", bucket_fields(buckets)
        for field, tat_us in zip(fields, tats_us, strict=True):
            await client.call(("HSET", key, field, tat_us))
        arguments = [1, len(buckets), "k", *fields, *bucket_terms(buckets)]
        reply = await Script.load("spend").run(client, [key], arguments)
        now_us, _, is_spent, _, *times_us = reply
        expected, after_us = spend_all(buckets, tats_us, now_us)
        assert expected == bucket_states(buckets, times_us, now_us, is_spent=bool(is_spent))
        for bucket, field, tat_us in zip(buckets, fields, after_us, strict=True):
            kept_us = int(await client.read(("HGET", key, field)))
            # What a stricter limit left behind is cut when it is next spent from.
            at_most_us = now_us + bucket.limit.span_us
            assert max(tat_us, now_us) == min(max(kept_us, now_us), at_most_us)
        await client.call(("DEL", key))
        await client.close()

    asyncio.run(compare())


async def test_a_bucket_gives_its_capacity_and_no_more(store: Store) -> None:
    for left in (2, 1, 0):
        [state] = await store.jobs.spend(MARKETING, [a_bucket(3)], key=KEY)
        assert (left, 0) == (state.remaining, state.retry_after_us)
    [state] = await store.jobs.spend(MARKETING, [a_bucket(3)], key=KEY)
    assert 0 == state.remaining
    assert state.retry_after_us > 0


async def test_several_buckets_give_all_or_none(store: Store) -> None:
    roomy, tight = a_bucket(9, name="poll"), a_bucket(1, name="poll:key")
    await store.jobs.spend(MARKETING, [roomy, tight], key=KEY)
    states = await store.jobs.spend(MARKETING, [roomy, tight], key=KEY)
    assert [8, 0] == [state.remaining for state in states]
    [state] = await store.jobs.spend(MARKETING, [roomy], key=KEY)
    assert 7 == state.remaining


async def test_no_bucket_refuses_nobody(store: Store) -> None:
    assert () == await store.jobs.spend(MARKETING, [], key=KEY)


async def test_refilling_is_by_the_clock_of_the_store(store: Store) -> None:
    fast = Bucket(name="poll", limit=RateLimit(capacity=1, interval_us=1))
    for _ in range(5):
        [state] = await store.jobs.spend(MARKETING, [fast], key=KEY)
        assert 0 == state.retry_after_us
