"""Breakers in Lua are the breakers of the domain; what is reported twice is heard once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.domain.breaker import (
    Breaker,
    BreakerRules,
    BreakerState,
    Mark,
    Moment,
    Outcome,
    after,
    probing,
)
from proxy.domain.health import Health
from proxy.domain.ids import AttemptId
from proxy.gateway.ports.health import GONE, Board, Heard, Moved, Report
from proxy.gateway.ports.jobs import Gate
from proxy.store.client import Client
from proxy.store.health import RedisHealth
from proxy.store.keys import Keys, breakers
from proxy.store.slots import RedisSlots
from tests.builders import KLING, VERTEX
from tests.job_builders import a_mandate
from tests.store.leaks import leaked_keys
from tests.store.test_slots import take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.health import Place
    from proxy.store.address import Address
    from tests.store.losing import Losing
    from tests.store.stores import Store

MAIN = (KLING, "main")
RULES = BreakerRules(
    failures=3,
    ratio_percent=50,
    ratio_of_at_least=8,
    window_ms=60_000,
    open_min_ms=30_000,
    open_max_ms=600_000,
)
DOOR = "submit|kling-v3"
BAD = Heard(breaker=DOOR, outcome=Outcome(mark=Mark.FAILURE, begun_ms=10**15, cause="unavailable"))
OPENED = Moved(place=MAIN, breaker=DOOR, before="closed", after="open")


async def told(
    store: Store | RedisHealth,
    *heard: Heard,
    operation: str = "op1",
    place: Place = MAIN,
    rules: BreakerRules = RULES,
) -> Board:
    board = store if isinstance(store, RedisHealth) else store.health
    reports = {place: Report(operation=operation, heard=heard)} if heard else {}
    return await board.exchange([place], reports, rules=rules, jitter_permille=50)


async def test_what_goes_wrong_opens_a_breaker_for_everybody(store: Store) -> None:
    first = await told(store, replace(BAD, times=2))
    assert () == first.moved
    assert 2 == first.health.breaker(MAIN, DOOR).consecutive
    second = await told(store, BAD, operation="op2")
    assert (OPENED,) == second.moved
    opened = second.health.breaker(MAIN, DOOR)
    assert (BreakerState.OPEN, second.now_ms, second.now_ms + 31_500, "unavailable") == (
        opened.state,
        opened.since_ms,
        opened.until_ms,
        opened.cause,
    )
    assert opened == (await told(store)).health.breaker(MAIN, DOOR)
    assert [] == await leaked_keys(store.client)


async def test_what_is_reported_again_is_heard_once_and_answered_the_same(store: Store) -> None:
    first = await told(store, replace(BAD, times=3))
    again = await told(store, replace(BAD, times=3))
    assert (OPENED,) == first.moved == again.moved
    assert first.health == again.health


@pytest.mark.loses("health")
async def test_a_lost_reply(losing: Losing) -> None:
    board = await losing.once(lambda far: told(far, replace(BAD, times=3)))
    assert isinstance(board, Board)
    assert (OPENED,) == board.moved


async def test_several_accounts_are_read_and_told_at_once(store: Store) -> None:
    reports = {
        place: Report(operation="op1", heard=(BAD, BAD, BAD)) for place in (MAIN, (VERTEX, "main"))
    }
    accounts = [MAIN, (KLING, "second")]
    board = await store.health.exchange(accounts, reports, rules=RULES, jitter_permille=0)
    assert {MAIN, (KLING, "second"), (VERTEX, "main")} == set(board.health.breakers)
    assert [MAIN, (VERTEX, "main")] == [moved.place for moved in board.moved]
    assert {} == board.health.breakers[KLING, "second"]


async def test_a_model_that_goes_is_told_of(store: Store) -> None:
    gone = Heard(breaker=DOOR, outcome=Outcome(mark=Mark.GONE, begun_ms=0, digest="d1"))
    board = await told(store, gone)
    assert (replace(OPENED, after=GONE),) == board.moved
    assert "d1" == board.health.breaker(MAIN, DOOR).gone_in
    assert () == (await told(store, gone, operation="op2")).moved
    other = Heard(breaker=DOOR, outcome=Outcome(mark=Mark.GONE, begun_ms=0, digest="d2"))
    assert (replace(OPENED, after=GONE),) == (await told(store, other, operation="op3")).moved


async def test_what_says_nothing_leaves_no_trace(store: Store) -> None:
    neutral = Heard(breaker=DOOR, outcome=Outcome(mark=Mark.NEUTRAL, begun_ms=10**15))
    assert {} == (await told(store, neutral)).health.breakers[MAIN]


async def test_who_is_drained_is_read_along(store: Store) -> None:
    assert Health().drained == (await told(store)).health.drained
    await store.ledger.drain(a_mandate("op1"), provider=VERTEX)
    await store.ledger.drain(a_mandate("op2"), provider=KLING, account="main")
    await store.ledger.freeze(a_mandate("op3"), provider=VERTEX)
    assert {"vertex", "kling/main"} == (await told(store)).health.drained
    await store.ledger.resume(a_mandate("op4"), provider=VERTEX)
    assert {"kling/main"} == (await told(store)).health.drained


@pytest.mark.parametrize("text", ["", "c", "o 1 2 3", "c 0 0 0 0 0 - - 0 - 0 - more"])
async def test_a_breaker_that_cannot_be_read_is_closed(store: Store, text: str) -> None:
    await store.client.call(("HSET", breakers(*MAIN), DOOR, text))
    assert Breaker() == (await told(store)).health.breaker(MAIN, DOOR)
    assert (await take(store, 0)).is_taken
    board = await told(store, BAD)
    assert 1 == board.health.breaker(MAIN, DOOR).consecutive


marks = st.builds(
    lambda mark, begun, attempt, detail: Outcome(
        mark=mark,
        begun_ms=begun,
        attempt=attempt,
        cause="auth" if mark in (Mark.FAILURE, Mark.TRIP) else "",
        rest_ms=detail if mark is Mark.REST else 0,
        digest=f"d{detail}" if mark is Mark.GONE else "",
    ),
    st.sampled_from(list(Mark)),
    st.sampled_from([-1, 0, 10**15]),
    st.sampled_from(["", "video_a-1", "video_b-1"]),
    st.integers(0, 2),
)
steps = st.lists(
    st.one_of(
        st.lists(st.tuples(marks, st.integers(1, 3)), min_size=1, max_size=4),
        st.sampled_from(["video_a-1", "video_b-1"]),
    ),
    max_size=14,
)
some_rules = st.builds(
    BreakerRules,
    failures=st.integers(1, 4),
    ratio_percent=st.sampled_from([1, 50, 100]),
    ratio_of_at_least=st.integers(1, 6),
    window_ms=st.sampled_from([1, 6, 60_000]),
    open_min_ms=st.sampled_from([0, 7, 100_000]),
    open_max_ms=st.sampled_from([0, 100_000]),
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps, rules=some_rules, jitter=st.integers(0, 100))
def test_every_step_is_the_domain_s(
    redis_address: Address,
    steps: Sequence[list[tuple[Outcome, int]] | str],
    rules: BreakerRules,
    jitter: int,
) -> None:
    async def compare() -> None:
        client = Client(redis_address)
        await client.call(("FLUSHALL",))
        board, at = RedisHealth(client, Keys()), RedisSlots(client)
        model = Breaker()
        for number, step in enumerate(steps):
            if isinstance(step, str):
                # The lease tells when it was taken.
                model = await _probed(at, board, model, step)
                continue
            heard = tuple(Heard(breaker=DOOR, outcome=each, times=n) for each, n in step)
            report = {MAIN: Report(operation=str(number), heard=heard)}
            seen = await board.exchange([MAIN], report, rules=rules, jitter_permille=jitter)
            for outcome, times in step:
                for _ in range(times):
                    model = after(model, outcome, rules, Moment(seen.now_ms, jitter))
            assert model == seen.health.breaker(MAIN, DOOR)
        await client.close()

    asyncio.run(compare())


LEASE_MS = 50_000


async def _probed(at: RedisSlots, board: RedisHealth, model: Breaker, attempt: str) -> Breaker:
    gate = Gate(doors=(DOOR,), digest="none")
    state = await at.take(
        KLING,
        "main",
        AttemptId(attempt),
        slots=9,
        submit=None,
        lease_s=LEASE_MS / 1000,
        gate=gate,
    )
    await at.release(KLING, "main", AttemptId(attempt))
    seen = (await told(board)).health.breaker(MAIN, DOOR)
    if not state.probes:
        assert model == seen
        return model
    expected = probing(model, attempt, seen.until_ms - LEASE_MS, LEASE_MS)
    assert expected == seen
    return seen
