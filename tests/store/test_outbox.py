"""Each letter has one sender at a time, and each receiver a pace of its own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from proxy.gateway.ports.notices import Letter, Outcome, Reply, Sending
from proxy.store.outbox import (
    DELIVERED_LIFE_S,
    FAILURES_MAX,
    LETTER_LIFE_S,
    REST_S,
    REST_S_MAX,
)
from tests.store.test_notices import a_mail, letters

if TYPE_CHECKING:
    from tests.store.stores import Store

LONG_S = 3600.0
"""How long letters are tried here."""


async def post(store: Store, *receivers: str, number: int = 1) -> str:
    """Put a message into the outbox; the id of its first letter."""
    await store.bulletin.tell_once(str(number), a_mail(*receivers, number=number), silence_s=60)
    return f"msg_{number}:{receivers[0]}"


async def take(
    store: Store, name: str, *, lease_s: float = 60.0, patience_s: float = LONG_S
) -> Letter | None:
    return await store.outbox.take(name, lease_s=lease_s, patience_s=patience_s)


async def taken(store: Store, name: str, *, lease_s: float = 60.0) -> Letter:
    letter = await take(store, name, lease_s=lease_s)
    assert letter is not None
    return letter


def failed(*, again_in_s: float = 0.0, rest_s: float = 0.0) -> Sending:
    reply = Reply(status=500, excerpt="no")
    return Sending(
        outcome=Outcome.FAILED, reply=reply, took_s=0.012, again_in_s=again_in_s, rest_s=rest_s
    )


def ended(outcome: Outcome = Outcome.DELIVERED) -> Sending:
    return Sending(outcome=outcome, reply=Reply(status=204), took_s=0.012)


async def life_s(store: Store, name: str) -> int:
    return int(await store.client.read(("TTL", store.keys.letter(name))))


async def rests_s(store: Store) -> float:
    """How long it is until somebody is sent anything."""
    receivers, idle_s = await store.outbox.due(9)
    assert [] == receivers
    assert idle_s is not None
    return idle_s


async def test_a_letter_says_what_was_told(store: Store) -> None:
    letter = await taken(store, await post(store, "one"))
    assert ("one", "msg_1", "budget.threshold", 1, "", False) == (
        letter.receiver,
        letter.notice,
        letter.kind,
        letter.tries,
        letter.url,
        letter.is_past,
    )
    assert {
        "type": "budget.threshold",
        "timestamp": "1970-01-01T00:00:00.000Z",
        "data": {"budget": "monthly"},
    } == json.loads(letter.body)


async def test_every_receiver_has_a_letter_of_its_own(store: Store) -> None:
    await post(store, "one", "other")
    assert ["msg_1:one", "msg_1:other"] == await letters(store)


async def test_of_many_who_take_a_letter_one_has_it(store: Store) -> None:
    name = await post(store, "one")
    found = await asyncio.gather(*(take(store, name) for _ in range(8)))
    assert 1 == len([letter for letter in found if letter is not None])


async def test_a_letter_whose_sender_died_is_due_again(store: Store) -> None:
    name = await post(store, "one")
    first = await taken(store, name, lease_s=0.0)
    again = await taken(store, name)
    assert 2 == again.tries
    await store.outbox.note(first, ended())
    assert again == await _same(store, again), "who lost the lease must not end it"
    await store.outbox.note(again, ended())
    assert b"d" == await store.client.read(("HGET", store.keys.letter(name), "s"))


async def _same(store: Store, letter: Letter) -> Letter | None:
    held = await store.client.read(("HGET", store.keys.letter(letter.id), "l"))
    return letter if held.decode() == letter.lease else None


async def test_a_letter_that_failed_is_due_later(store: Store) -> None:
    name = await post(store, "one")
    await store.outbox.note(await taken(store, name), failed(again_in_s=300))
    assert 290 < await rests_s(store) <= 300
    assert await take(store, name) is None
    assert LETTER_LIFE_S - 60 < await life_s(store, name) <= LETTER_LIFE_S


async def test_a_letter_that_was_taken_leaves_its_log_for_a_while(store: Store) -> None:
    name = await post(store, "one")
    await store.outbox.note(await taken(store, name, lease_s=0.0), failed())
    await store.outbox.note(await taken(store, name), ended())
    assert ([], None) == await store.outbox.due(9)
    assert DELIVERED_LIFE_S - 60 < await life_s(store, name) <= DELIVERED_LIFE_S
    fields = await store.client.read(("HGETALL", store.keys.letter(name)))
    names = {field.decode() for field in fields[::2]}
    assert {"kind", "at", "tries", "l", "log", "s"} == names
    log = (await store.client.read(("HGET", store.keys.letter(name), "log"))).decode()
    assert ["d 204 12", "f 500 12"] == [line.split(" ", 1)[1] for line in log.splitlines()]


async def test_a_log_is_bounded(store: Store) -> None:
    name = await post(store, "one")
    await store.client.call(("HSET", store.keys.letter(name), "log", "\n".join("123456789x")))
    await store.outbox.note(await taken(store, name), failed())
    log = (await store.client.read(("HGET", store.keys.letter(name), "log"))).decode()
    newest, *earlier = log.splitlines()
    assert ("f 500 12", list("123456789")) == (newest.split(" ", 1)[1], earlier)


@pytest.mark.parametrize("outcome", [Outcome.GIVEN_UP, Outcome.SILENCED, Outcome.WITHDRAWN])
async def test_what_nobody_took_is_listed(store: Store, outcome: Outcome) -> None:
    name = await post(store, "one")
    await store.client.call(("ZADD", store.keys.undelivered(), 1, "msg_0:old"))
    await store.outbox.note(await taken(store, name), ended(outcome))
    listed = await store.client.read(("ZRANGE", store.keys.undelivered(), 0, -1))
    assert [name.encode()] == listed, "those of long ago are forgotten"
    assert 1 == await store.client.read(("HEXISTS", store.keys.letter(name), "body"))
    assert LETTER_LIFE_S - 60 < await life_s(store, name) <= LETTER_LIFE_S


async def test_a_letter_whose_time_is_over_leaves_the_outbox(store: Store) -> None:
    name = await post(store, "one")
    await store.client.call(("DEL", store.keys.letter(name)))
    assert await take(store, name) is None
    assert ([], None) == await store.outbox.due(9)


async def test_a_receiver_that_takes_nothing_rests_longer_and_longer(store: Store) -> None:
    pauses = []
    for number in range(FAILURES_MAX + 9):
        name = await post(store, "one", number=number)
        await store.outbox.note(await taken(store, name), failed(again_in_s=9 * LONG_S))
        await post(store, "one", number=1000 + number)
        held = await take(store, f"msg_{1000 + number}:one", lease_s=0.0)
        pauses.append(0 if held else round(await rests_s(store)))
        await store.client.call(("ZREM", store.keys.box("one"), f"msg_{1000 + number}:one"))
        await _end_rest(store)
    assert [0] * (FAILURES_MAX - 1) == pauses[: FAILURES_MAX - 1]
    assert [REST_S, 2 * REST_S, 4 * REST_S] == pauses[FAILURES_MAX - 1 : FAILURES_MAX + 2]
    assert REST_S_MAX == pauses[-1]


async def _end_rest(store: Store) -> None:
    """Let the time of a rest be over, but not what is known of the receiver."""
    failures = (await store.client.read(("GET", store.keys.rest("one")))).split()[0]
    await store.client.call(("SET", store.keys.rest("one"), failures + b" 0", "PX", 60_000))


async def broken(store: Store) -> None:
    """A receiver that took nothing as often as may be, and whose rest is over."""
    for number in range(FAILURES_MAX):
        name = await post(store, "one", number=number)
        await store.outbox.note(await taken(store, name), failed(again_in_s=9 * LONG_S))
    await _end_rest(store)


async def test_after_its_rest_a_receiver_gets_one_letter_at_a_time(store: Store) -> None:
    await broken(store)
    for number in (101, 102):
        await post(store, "one", number=number)
    probe = await taken(store, "msg_101:one")
    assert await take(store, "msg_102:one") is None, "whoever asks"
    await store.outbox.note(probe, ended())
    assert ["one"] == (await store.outbox.due(9))[0], "it may be sent to again at once"
    for number in (103, 104):
        await post(store, "one", number=number)
        await taken(store, f"msg_{number}:one")


async def test_a_probe_whose_sender_died_is_made_up_for(store: Store) -> None:
    await broken(store)
    name = await post(store, "one", number=101)
    await taken(store, name, lease_s=0.0)
    assert 2 == (await taken(store, name)).tries


async def test_a_rest_is_one_receivers_own(store: Store) -> None:
    await broken(store)
    name = await post(store, "one", "other", number=101)
    await store.outbox.note(await taken(store, name), failed(again_in_s=9 * LONG_S))
    assert ["other"] == (await store.outbox.due(9))[0]
    await taken(store, "msg_101:other")


async def test_a_receiver_that_asks_for_it_rests_at_once(store: Store) -> None:
    name = await post(store, "one")
    await post(store, "one", number=2)
    await store.outbox.note(await taken(store, name), failed(rest_s=77.0))
    assert 70 < await rests_s(store) <= 77
    assert await take(store, "msg_2:one") is None


async def test_what_is_past_its_time_is_had_although_its_receiver_rests(store: Store) -> None:
    name = await post(store, "one")
    await store.outbox.note(await taken(store, name), failed(rest_s=LONG_S))
    old = await take(store, name, patience_s=-1.0)
    assert old is not None
    assert (True, 1) == (old.is_past, old.tries), "it is not sent again, so it counts no try"


async def test_those_who_wait_longest_come_first(store: Store) -> None:
    for number, receiver in enumerate(("one", "other", "third")):
        await post(store, receiver, number=number)
        await post(store, receiver, number=10 + number)
        await store.client.call(("ZADD", store.keys.outbox(), number, receiver))
    assert ["one", "other", "third"] == (await store.outbox.due(9))[0]
    await taken(store, "msg_0:one")
    assert ["other", "third", "one"] == (await store.outbox.due(9))[0]
    assert ["other"] == (await store.outbox.due(1))[0]


async def test_the_latest_tries_of_a_receiver_are_kept(store: Store) -> None:
    for number in range(60):
        name = await post(store, "one", number=number)
        await store.outbox.note(await taken(store, name), ended())
    kept = await store.client.read(("LRANGE", store.keys.sendings("one"), 0, -1))
    assert 50 == len(kept)
    assert kept[0].endswith(b" d 204 12 msg_59:one")


async def test_a_receiver_is_silent_for_one_configuration(store: Store) -> None:
    assert frozenset() == await store.outbox.silenced("d1")
    await store.outbox.silence("one", "d1")
    assert {"one"} == await store.outbox.silenced("d1")
    assert frozenset() == await store.outbox.silenced("d2")
    await store.outbox.silence("other", "d2")
    assert {"other"} == await store.outbox.silenced("d2")
    assert frozenset() == await store.outbox.silenced("d1")
