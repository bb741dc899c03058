"""Slots of provider accounts are leases keyed by attempt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.domain.bucket import RateLimit
from proxy.domain.health import doors
from proxy.domain.ids import attempt_id
from proxy.gateway.ports.jobs import Gate, NoSlot, SlotState
from proxy.store.keys import slots as slots_key
from tests.builders import KLING
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from tests.store.losing import Losing
    from tests.store.stores import Store

TAKEN = SlotState(is_taken=True, is_new=True)
RENEWED = SlotState(is_taken=True)
FULL = SlotState(is_taken=False, why=NoSlot.FULL)
GATE = Gate(doors=doors("kling-v3"), digest="d1")


async def take(
    store: Store,
    number: int,
    *,
    slots: int = 2,
    submit: RateLimit | None = None,
    lease_s: float = 30,
    gate: Gate = GATE,
) -> SlotState:
    return await store.slots.take(
        KLING,
        "main",
        attempt_id(a_job_id(number), 1),
        slots=slots,
        submit=submit,
        lease_s=lease_s,
        gate=gate,
    )


async def test_there_are_as_many_as_the_account_has(store: Store) -> None:
    states = await asyncio.gather(*(take(store, number) for number in range(5)))
    assert 2 == states.count(TAKEN)
    assert 3 == states.count(FULL)


async def test_accounts_have_their_own(store: Store) -> None:
    assert TAKEN == await take(store, 0, slots=1)
    other = await store.slots.take(
        KLING, "second", attempt_id(a_job_id(1), 1), slots=1, submit=None, lease_s=30, gate=GATE
    )
    assert TAKEN == other


async def test_taking_again_renews(store: Store) -> None:
    assert TAKEN == await take(store, 0, slots=1)
    assert RENEWED == await take(store, 0, slots=1)
    assert FULL == await take(store, 1, slots=1)


async def test_a_slot_given_back_is_free(store: Store) -> None:
    await take(store, 0, slots=1)
    await store.slots.release(KLING, "main", attempt_id(a_job_id(0), 1))
    await store.slots.release(KLING, "main", attempt_id(a_job_id(7), 1))
    assert TAKEN == await take(store, 1, slots=1)


async def test_a_lease_that_ran_out_is_free(store: Store) -> None:
    await take(store, 0, slots=1, lease_s=0)
    assert TAKEN == await take(store, 1, slots=1)


async def test_only_a_first_taking_spends_a_submit_token(store: Store) -> None:
    slow = RateLimit(capacity=1, interval_us=60_000_000)
    assert TAKEN == await take(store, 0, submit=slow)
    assert RENEWED == await take(store, 0, submit=slow)
    refused = await take(store, 1, submit=slow)
    assert (False, NoSlot.NO_TOKEN) == (refused.is_taken, refused.why)
    assert 55 < refused.wait_s <= 60
    assert TAKEN == await take(store, 1, submit=None)


async def test_a_full_account_spends_no_token(store: Store) -> None:
    slow = RateLimit(capacity=2, interval_us=60_000_000)
    await take(store, 0, slots=1, submit=slow)
    assert FULL == await take(store, 1, slots=1, submit=slow)
    await store.slots.release(KLING, "main", attempt_id(a_job_id(0), 1))
    assert TAKEN == await take(store, 1, slots=1, submit=slow)


async def test_renewing_holds_a_slot_over_the_limit(store: Store) -> None:
    await take(store, 0, slots=1)
    attempt = attempt_id(a_job_id(1), 1)
    await store.slots.renew(KLING, "main", attempt, lease_s=30, gate=GATE)
    await store.slots.release(KLING, "main", attempt_id(a_job_id(0), 1))
    assert FULL == await take(store, 2, slots=1)


async def give_back(store: Store, number: int, submit: RateLimit | None = None) -> None:
    attempt = attempt_id(a_job_id(number), 1)
    await store.slots.give_back(KLING, "main", attempt, submit=submit, gate=GATE)


@pytest.mark.parametrize("capacity", [1, 3])
async def test_a_slot_under_which_nothing_was_submitted_costs_no_token(
    store: Store, capacity: int
) -> None:
    slow = RateLimit(capacity=capacity, interval_us=60_000_000)
    for _ in range(5):
        assert TAKEN == await take(store, 0, slots=1, submit=slow)
        await give_back(store, 0, slow)
    for number in range(capacity):
        assert TAKEN == await take(store, number, slots=9, submit=slow)
    assert not (await take(store, 9, slots=9, submit=slow)).is_taken


async def test_giving_back_what_is_not_held_gives_no_token(store: Store) -> None:
    slow = RateLimit(capacity=1, interval_us=60_000_000)
    await take(store, 0, submit=slow)
    await give_back(store, 7, slow)
    assert not (await take(store, 1, submit=slow)).is_taken


async def test_a_slot_without_a_bucket_is_given_back(store: Store) -> None:
    await take(store, 0, slots=1)
    await give_back(store, 0)
    assert TAKEN == await take(store, 1, slots=1)


@pytest.mark.loses("slot_take", "zrem", late=("slot_take",))  # until its lease ends
async def test_slot(losing: Losing) -> None:
    job = await losing.store.admitted()
    submit = RateLimit(capacity=3, interval_us=60_000_000)
    state = await losing.once(
        lambda far: far.slots.take(
            KLING, "main", job.attempt_id, slots=1, submit=submit, lease_s=600, gate=GATE
        ),
        renewing=slots_key(KLING, "main"),
    )
    assert SlotState(is_taken=True) == state
    await losing.once(lambda far: far.slots.release(KLING, "main", job.attempt_id))


@pytest.mark.loses("slot_give_back")
async def test_slot_given_back(losing: Losing) -> None:
    attempts = [attempt_id(a_job_id(number), 1) for number in range(2)]
    submit = RateLimit(capacity=3, interval_us=60_000_000)
    for attempt in attempts:
        await losing.store.slots.take(
            KLING, "main", attempt, slots=9, submit=submit, lease_s=600, gate=GATE
        )
    await losing.once(
        lambda far: far.slots.give_back(KLING, "main", attempts[0], submit=submit, gate=GATE)
    )
