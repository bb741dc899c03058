"""Jobs counted by team and state, and errands that one of all processes does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.domain.ids import TeamId
from proxy.domain.job import JobState
from proxy.gateway.ports.census import Census, Standing
from proxy.store.census import RedisCensus
from proxy.store.errands import RedisErrands
from proxy.store.keys import Keys
from tests.builders import MARKETING
from tests.store.stores import a_command

if TYPE_CHECKING:
    from tests.store.stores import Store

SALES = TeamId("sales")


async def taken(store: Store, *teams: TeamId) -> Census:
    return await RedisCensus(store.client, Keys()).take(teams or (MARKETING,))


async def test_jobs_are_counted_by_team_and_state(store: Store) -> None:
    assert not any((await taken(store)).counts.values())
    await store.admitted(a_command(0))
    await store.begun(await store.admitted(a_command(1)))
    unknown = await store.begun(await store.admitted(a_command(2)))
    now_ms = await store.accounts.now_ms()
    work = replace(unknown.work, unknown_since_ms=now_ms - 90_000)
    await store.work.commit(
        unknown, replace(unknown, state=JobState.UNKNOWN, work=work), due_in_s=60.0
    )
    census = await taken(store, MARKETING, SALES)
    assert {
        (MARKETING, Standing.QUEUED): 1,
        (MARKETING, Standing.RUNNING): 1,
        (MARKETING, Standing.UNKNOWN): 1,
        (SALES, Standing.QUEUED): 0,
        (SALES, Standing.RUNNING): 0,
        (SALES, Standing.UNKNOWN): 0,
    } == census.counts
    assert 90 <= census.oldest_s[Standing.UNKNOWN] < 100
    assert 0 <= census.oldest_s[Standing.QUEUED] < 10


async def test_an_age_that_cannot_be_read_is_left_out(store: Store) -> None:
    job = await store.begun(await store.admitted(a_command(1)))
    running, record = Keys().running(job.team), Keys().job(job.id)
    await store.client.call(("SREM", running, job.id))
    packed = await store.client.read(("HGET", record, "d"))
    await store.client.call(("HSET", record, "d", b"?"))
    census = await taken(store)
    assert 1 == census.counts[MARKETING, Standing.UNKNOWN]
    assert Standing.UNKNOWN not in census.oldest_s
    await store.client.call(("HSET", record, "d", packed))
    # It moved between the counts: it is no job of unknown outcome.
    assert Standing.UNKNOWN not in (await taken(store)).oldest_s
    await store.client.call(("SADD", running, job.id))


async def test_an_errand_is_done_by_one_and_again_when_it_is_time(store: Store) -> None:
    errands = [RedisErrands(store.client, Keys()) for _ in range(3)]
    done = await asyncio.gather(*(errand.take("verify", every_s=60.0) for errand in errands))
    assert 1 == done.count(True)
    await store.client.call(("DEL", Keys().errand("verify")))
    assert await errands[0].take("verify", every_s=60.0)
    assert await errands[0].take("other", every_s=0.0001)


async def test_what_came_of_an_errand_is_told_to_all(store: Store) -> None:
    errands = RedisErrands(store.client, Keys())
    assert await errands.reported("verify") is None
    await errands.report("verify", "[1, 2]")
    await errands.report("verify", "[3, 4]")
    assert "[3, 4]" == await RedisErrands(store.client, Keys()).reported("verify")
    assert await errands.reported("other") is None
