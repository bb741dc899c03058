"""Refusals for content count against the key, once each; too many, and it must pause."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.domain.bucket import LimitMode
from proxy.domain.ids import KeyId
from proxy.domain.instant import iso_ms
from proxy.domain.job import JobError, JobState
from proxy.domain.moderation import Moderation, Record, strike
from proxy.gateway.ports.admission import Accepted, BucketEmpty, CoolingDown, Frozen, Replayed
from proxy.gateway.ports.jobs import AlreadyEnded, Release
from proxy.store.client import Client
from proxy.store.controls import RedisControls
from proxy.store.flags import refusals_of
from proxy.store.script import source_of
from tests.builders import MARKETING
from tests.job_builders import a_job, a_job_id, a_mandate
from tests.store.dump import dump
from tests.store.stores import KEY, a_bucket, a_command

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from proxy.gateway.ports.admission import AdmitCommand, AdmitResult
    from proxy.store.address import Address
    from tests.store.stores import Store

RULE = Moderation(refusals=2, within_ms=600_000, cool_down_ms=200_000)
ERROR = JobError(code="content_policy", message="no")
FIELD = f"m|{KEY}"


def refused_job(job: Job) -> Job:
    attempt = replace(job.attempt, error=ERROR)
    return replace(job, state=JobState.FAILED, attempts=(attempt,), error=ERROR)


async def refuse(store: Store, number: int, rule: Moderation | None = RULE) -> Job:
    """Make a job whose content is refused."""
    job = await store.begun(await store.admitted(a_command(number)))
    return await store.work.finish(job, refused_job(job), Release(by="x"), strike=rule)


async def record_of(store: Store) -> Record:
    return refusals_of(await store.client.read(("HGET", store.keys.team(MARKETING), FIELD)))


def asking(
    number: int, mode: LimitMode | None = LimitMode.ENFORCE, tries: int = 0
) -> AdmitCommand:
    return replace(a_command(number, sdk_try=tries), cool_down=mode)


async def asked(
    store: Store, number: int, mode: LimitMode | None = LimitMode.ENFORCE
) -> AdmitResult:
    return await store.admission.admit(asking(number, mode))


async def cool(store: Store, left_ms: int) -> None:
    """Put the key into a cool-down."""
    until_ms = await store.accounts.now_ms() + left_ms
    await store.client.call(("HSET", store.keys.team(MARKETING), FIELD, f"{until_ms} 1"))


async def test_so_many_refusals_make_the_key_pause_and_change_nothing_else(store: Store) -> None:
    await refuse(store, 0)
    assert isinstance(await asked(store, 1), Accepted)
    await refuse(store, 2)
    before = await dump(store.client)
    result = await asked(store, 3)
    assert isinstance(result, CoolingDown)
    assert 190_000 < result.left_ms <= RULE.cool_down_ms
    assert before == await dump(store.client)
    other = replace(a_job(id=a_job_id(4), attempts=()), key=KeyId("otherkey"))
    command = replace(a_command(job=other), cool_down=LimitMode.ENFORCE)
    assert isinstance(await store.admission.admit(command), Accepted)


async def test_a_key_that_is_not_watched_is_not_refused(store: Store) -> None:
    await cool(store, 60_000)
    result = await asked(store, 0, mode=None)
    assert isinstance(result, Accepted)
    assert not result.is_cooling


async def test_in_shadow_it_is_accepted_and_said(store: Store) -> None:
    assert not (await accepted(store, 0)).is_cooling
    await cool(store, 60_000)
    assert (await accepted(store, 1)).is_cooling


async def accepted(store: Store, number: int) -> Accepted:
    result = await asked(store, number, LimitMode.SHADOW)
    assert isinstance(result, Accepted)
    return result


async def test_when_it_is_over_the_key_creates_again(store: Store) -> None:
    await cool(store, 0)
    assert isinstance(await asked(store, 0), Accepted)


async def test_without_a_rule_nothing_is_counted(store: Store) -> None:
    await refuse(store, 0, rule=None)
    assert Record() == await record_of(store)


async def test_an_end_that_comes_again_counts_once(store: Store) -> None:
    job = await store.running(await store.admitted())
    await store.work.finish(job, refused_job(job), Release(by="x"), strike=RULE)
    with pytest.raises(AlreadyEnded):
        await store.work.finish(job, refused_job(job), Release(by="x"), strike=RULE)
    assert 1 == len((await record_of(store)).refused_at_ms)


async def test_a_refusal_counts_although_the_job_was_cancelled(store: Store) -> None:
    job = await store.running(await store.admitted())
    await store.cancelled(job, is_forgotten=False)
    ended = await store.work.finish(job, refused_job(job), Release(by="x"), strike=RULE)
    assert JobState.CANCELLED is ended.state
    assert 1 == len((await record_of(store)).refused_at_ms)


async def test_a_replay_is_answered_in_a_cool_down(store: Store) -> None:
    job = await store.admitted(a_command(0, idempotency_key="a"))
    await cool(store, 60_000)
    again = replace(a_command(1, idempotency_key="a"), cool_down=LimitMode.ENFORCE)
    result = await store.admission.admit(again)
    assert isinstance(result, Replayed)
    assert job.id == result.job.id
    done = await store.admission.admit(replace(a_command(0), cool_down=LimitMode.ENFORCE))
    assert isinstance(done, Accepted)


async def test_a_freeze_is_told_before_and_an_empty_bucket_after(store: Store) -> None:
    await cool(store, 60_000)
    empty = replace(asking(0), buckets=(a_bucket(1),))
    await store.jobs.spend(MARKETING, [a_bucket(1)], key=KEY)
    assert isinstance(await store.admission.admit(empty), CoolingDown)
    watched = replace(empty, cool_down=LimitMode.SHADOW)
    assert isinstance(await store.admission.admit(watched), BucketEmpty)
    await store.ledger.freeze(a_mandate(), team=MARKETING)
    assert isinstance(await store.admission.admit(empty), Frozen)


@pytest.mark.parametrize(("left_ms", "is_new"), [(119_500, True), (130_000, False)])
async def test_only_a_refusal_that_an_sdk_waits_for_makes_its_next_try_a_new_create(
    store: Store, left_ms: int, is_new: bool
) -> None:
    await store.admitted(a_command(0))
    await cool(store, left_ms)
    assert isinstance(await asked(store, 1), CoolingDown)
    await cool(store, 0)
    result = await store.admission.admit(asking(2, tries=1))
    assert (Accepted if is_new else Replayed) is type(result)


async def test_a_person_ends_it_and_stands_in_the_audit(store: Store) -> None:
    await refuse(store, 0)
    await refuse(store, 1)
    until_ms = (await record_of(store)).until_ms
    controls = RedisControls(store.client, store.keys, store.ledger)
    pairs = [(MARKETING, KEY), (MARKETING, KeyId("otherkey"))]
    assert [await record_of(store), Record()] == await controls.refusals(pairs)
    for _ in range(2):
        assert await store.ledger.end_cool_down(MARKETING, KEY, a_mandate("1"))
    assert not await store.ledger.end_cool_down(MARKETING, KEY, a_mandate("2"))
    assert isinstance(await asked(store, 2), Accepted)
    found = [entry async for entry in store.ledger.audit()]
    assert [("end_cooldown", f"{MARKETING}/{KEY}", iso_ms(until_ms), "none")] == [
        (entry.action, entry.target, entry.before, entry.after) for entry in found[:1]
    ]
    assert 2 == len(found)


async def test_a_team_s_state_says_how_long_a_key_must_pause(store: Store) -> None:
    await cool(store, 60_000)
    state = await store.accounts.team_state(MARKETING, (), (), key=KEY)
    assert 50_000 < state.cooling_ms <= 60_000
    assert 0 == (await store.accounts.team_state(MARKETING, (), ())).cooling_ms


async def test_a_team_s_state_says_which_keys_are_revoked(store: Store) -> None:
    await store.ledger.revoke_key(MARKETING, KEY, a_mandate())
    assert {KEY} == (await store.accounts.team_state(MARKETING, (), ())).revoked


STRIKE = f"""
local now_ms = tonumber(ARGV[1])
{source_of("strike")}
strike(ARGV[2])
"""
rules = st.builds(
    Moderation,
    refusals=st.integers(1, 5),
    within_ms=st.integers(1, 50_000),
    cool_down_ms=st.integers(1, 50_000),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(0, 30_000), rules), max_size=12))
def test_a_record_is_the_domain_s(
    redis_address: Address, strikes: list[tuple[int, Moderation]]
) -> None:
    async def compare() -> None:
        client = Client(redis_address)
        record, now_ms = Record(), 1_795_348_800_000
        for wait_ms, rule in strikes:
            now_ms += wait_ms
            record = strike(record, rule, now_ms)
            text = f"m|k {rule.refusals} {rule.within_ms} {rule.cool_down_ms}"
            keys = ["gl:{main}:team:x"] * 5
            await client.call(("EVAL", STRIKE, 5, *keys, now_ms, text))
            assert record == refusals_of(await client.read(("HGET", keys[0], "m|k")))
        await client.call(("DEL", "gl:{main}:team:x"))
        await client.close()

    asyncio.run(compare())
