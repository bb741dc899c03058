"""At the slots: what a shut breaker keeps out, and the one attempt that may try."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.breaker import Breaker, BreakerState, Mark, Outcome
from proxy.domain.bucket import RateLimit
from proxy.domain.health import doors
from proxy.domain.ids import attempt_id
from proxy.gateway.ports.health import Heard
from proxy.gateway.ports.jobs import Gate, NoSlot, SlotState
from proxy.store.keys import breakers, slots
from tests.builders import KLING
from tests.job_builders import a_job_id
from tests.store.test_health import MAIN, RULES, told
from tests.store.test_slots import GATE, TAKEN, take

if TYPE_CHECKING:
    from tests.store.losing import Losing
    from tests.store.stores import Store

ACCOUNT, MODEL, RENDERS = doors("kling-v3")
DUE = replace(RULES, failures=1, open_min_ms=0)
SHUT = replace(RULES, failures=1)
PROBE = SlotState(is_taken=True, is_new=True, probes=(MODEL,))
PANIC = replace(GATE, is_panic=True)


def mark(mark: Mark, *, door: str = MODEL, attempt: str = "", digest: str = "d1") -> Heard:
    outcome = Outcome(
        mark=mark, begun_ms=10**15, attempt=attempt, cause="x", rest_ms=20_000, digest=digest
    )
    return Heard(breaker=door, outcome=outcome)


async def opened(store: Store, *, door: str = MODEL, is_due: bool = True) -> None:
    rules = DUE if is_due else SHUT
    await told(store, mark(Mark.FAILURE, door=door), operation=f"open {door}", rules=rules)


async def breaker(store: Store, door: str = MODEL) -> Breaker:
    return (await told(store)).health.breaker(MAIN, door)


async def give_back(store: Store, number: int) -> None:
    attempt = attempt_id(a_job_id(number), 1)
    await store.slots.give_back(KLING, "main", attempt, submit=None, gate=GATE)


@pytest.mark.parametrize("door", doors("kling-v3"))
async def test_a_shut_door_keeps_everybody_out(store: Store, door: str) -> None:
    await opened(store, door=door, is_due=False)
    refused = await take(store, 0)
    assert (False, NoSlot.SHUT, ()) == (refused.is_taken, refused.why, refused.probes)
    assert 29 < refused.wait_s <= 33
    other = Gate(doors=doors("other")[1:], digest="d1")
    assert TAKEN == await take(store, 1, gate=other)
    assert TAKEN == await take(store, 2, gate=PANIC, slots=9)


async def test_one_of_many_in_the_whole_fleet_may_try(store: Store) -> None:
    await opened(store)
    states = await asyncio.gather(*(take(store, number, slots=99) for number in range(8)))
    assert [PROBE] == [state for state in states if state.is_taken]
    assert {NoSlot.SHUT} == {state.why for state in states if not state.is_taken}
    assert BreakerState.HALF_OPEN is (await breaker(store)).state
    assert TAKEN == await take(store, 9, gate=PANIC, slots=99)


async def test_it_may_try_at_several_doors_at_once(store: Store) -> None:
    for door in doors("kling-v3"):
        await opened(store, door=door)
    assert replace(PROBE, probes=doors("kling-v3")) == await take(store, 0)
    assert [attempt_id(a_job_id(0), 1)] * 3 == [
        (await breaker(store, door)).probe for door in doors("kling-v3")
    ]


async def test_if_one_door_is_shut_nobody_tries_at_another(store: Store) -> None:
    await opened(store)
    await opened(store, door=RENDERS, is_due=False)
    assert NoSlot.SHUT is (await take(store, 0)).why
    assert "" == (await breaker(store)).probe


@pytest.mark.parametrize("why", [NoSlot.FULL, NoSlot.NO_TOKEN])
async def test_without_a_slot_or_a_token_nobody_tries(store: Store, why: NoSlot) -> None:
    slow = RateLimit(capacity=1, interval_us=60_000_000)
    await take(store, 7, submit=slow)
    await opened(store)
    room = 1 if why is NoSlot.FULL else 9
    assert why is (await take(store, 0, slots=room, submit=slow)).why
    assert (BreakerState.OPEN, "") == ((await breaker(store)).state, (await breaker(store)).probe)


async def test_a_probe_that_never_began_leaves_it_to_the_next(store: Store) -> None:
    await opened(store)
    assert PROBE == await take(store, 0)
    await give_back(store, 0)
    assert PROBE == await take(store, 1)
    await give_back(store, 5)
    assert NoSlot.SHUT is (await take(store, 2, slots=9)).why


async def test_a_probe_whose_worker_died_is_followed_by_another(store: Store) -> None:
    await opened(store)
    assert PROBE == await take(store, 0, lease_s=0)
    assert PROBE == await take(store, 1)


async def test_a_probe_goes_on_as_long_as_its_slot_is_renewed(store: Store) -> None:
    await opened(store)
    assert PROBE == await take(store, 0, lease_s=0.05)
    attempt = attempt_id(a_job_id(0), 1)
    await store.slots.renew(KLING, "main", attempt, lease_s=60, gate=GATE)
    assert 59_000 < (await breaker(store)).until_ms - (await told(store)).now_ms <= 60_000
    assert replace(PROBE, is_new=False) == await take(store, 0, lease_s=90)
    assert 89_000 < (await breaker(store)).until_ms - (await told(store)).now_ms <= 90_000


async def test_a_renewal_asks_at_no_door(store: Store) -> None:
    """Also of a slot whose lease ran out: its job is at the provider."""
    await opened(store)
    before = await breaker(store)
    await store.slots.renew(KLING, "main", attempt_id(a_job_id(0), 1), lease_s=60, gate=GATE)
    assert 1 == await store.client.read(("ZCARD", slots(KLING, "main")))
    assert before == await breaker(store)


async def test_the_probe_s_outcome_decides_for_everybody(store: Store) -> None:
    await opened(store)
    await take(store, 0)
    probe = attempt_id(a_job_id(0), 1)
    good = mark(Mark.SUCCESS, attempt=probe)
    board = await told(store, good, operation="2", rules=DUE)
    assert [("half_open", "closed")] == [(each.before, each.after) for each in board.moved]
    assert TAKEN == await take(store, 1, slots=9)


async def test_a_rest_is_kept_also_in_a_panic(store: Store) -> None:
    await told(store, mark(Mark.REST))
    for gate in (GATE, PANIC):
        refused = await take(store, 0, gate=gate)
        assert (False, NoSlot.RESTING) == (refused.is_taken, refused.why)
        assert 19 < refused.wait_s <= 20


async def test_a_model_that_is_gone_is_gone_in_that_configuration(store: Store) -> None:
    await told(store, mark(Mark.GONE))
    for gate in (GATE, PANIC):
        assert NoSlot.GONE is (await take(store, 0, gate=gate)).why
    assert TAKEN == await take(store, 0, gate=replace(GATE, digest="d2"))


@pytest.mark.loses("slot_take", "slot_give_back", late=("slot_take",))  # until its lease ends
async def test_a_lost_reply_makes_no_second_probe(losing: Losing) -> None:
    await opened(losing.store)
    attempt = attempt_id(a_job_id(0), 1)
    state = await losing.once(
        lambda far: far.slots.take(
            KLING, "main", attempt, slots=9, submit=None, lease_s=600, gate=GATE
        ),
        renewing=(slots(KLING, "main"), breakers(KLING, "main")),
    )
    assert replace(PROBE, is_new=False) == state
    found = await breaker(losing.store)
    assert (BreakerState.HALF_OPEN, attempt) == (found.state, found.probe)
    await losing.once(
        lambda far: far.slots.give_back(KLING, "main", attempt, submit=None, gate=GATE)
    )
    assert "" == (await breaker(losing.store)).probe
