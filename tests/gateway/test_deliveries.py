"""A letter is sent until its receiver takes it, refuses it for good, or patience ends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.events import NoticeSent
from proxy.domain.notice import Notice, NoticeKind
from proxy.gateway.deliveries import AT_ONCE, RECEIVERS_MAX, ROUND_S
from proxy.gateway.ports.notices import Mail, Receiver, Reply
from tests.gateway.clocks import SteppedClock
from tests.gateway.harness import fast_engine, fast_snapshot, wait_until
from tests.gateway.newsroom import EVERYTHING, Newsroom

if TYPE_CHECKING:
    from tests.gateway.conftest import StageMaker

DAY_S = 86_400.0


@pytest.fixture
def desk(new_stage: StageMaker) -> Newsroom:
    """Pauses of 5 s and 5 min, 10 s for an answer."""
    engine = replace(
        fast_engine(), notify_after_s=(5.0, 300.0), notify_timeout_s=10.0, alert_every_s=0.02
    )
    return Newsroom(new_stage(snapshot=fast_snapshot(engine=engine)))


async def post(desk: Newsroom, *receivers: str, number: int = 1) -> None:
    notice = Notice(id=f"msg_{number}", kind=NoticeKind.BUDGET_OVERAGE, at_ms=0, data={})
    mail = Mail(notice=notice, receivers=receivers or ("one",))
    assert await desk.bulletin.tell_once(str(number), mail, silence_s=1)


async def send(desk: Newsroom) -> list[str]:
    """Send what is due, once; what became of it."""
    before = len(desk.stage.observer.of(NoticeSent))
    async with asyncio.TaskGroup() as group:
        await desk.deliveries.begin(group)
    return [event.outcome for event in desk.stage.observer.of(NoticeSent)[before:]]


async def due_in_s(desk: Newsroom) -> float | None:
    """Seconds until the next letter is due, None if there is none."""
    found: float | None = (await desk.outbox.due(9))[1]
    return found


async def make_due(desk: Newsroom, letter: str = "msg_1:one") -> None:
    """Let the time of a letter's pause, and of its receiver's rest, be over."""
    client, keys, receiver = desk.stage.client, desk.stage.keys, letter.partition(":")[2]
    await client.call(("ZADD", keys.box(receiver), "XX", 0, letter))
    await client.call(("ZADD", keys.outbox(), "XX", 0, receiver))
    await client.call(("DEL", keys.rest(receiver)))


async def state_of(desk: Newsroom, letter: str = "msg_1:one") -> str:
    """How a letter ended, as the store has it."""
    found = await desk.stage.client.read(("HGET", desk.stage.keys.letter(letter), "s"))
    return (found or b"").decode()


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_what_is_taken_is_done(desk: Newsroom, status: int) -> None:
    await post(desk)
    desk.sender.replies.append(Reply(status=status))
    assert ["delivered"] == await send(desk)
    assert [] == await send(desk)
    assert "d" == await state_of(desk)
    [event] = desk.stage.observer.of(NoticeSent)
    assert ("msg_1", "budget.overage", "one", status, 1) == (
        event.notice,
        event.kind,
        event.receiver,
        event.status,
        event.tries,
    )


@pytest.mark.parametrize(
    "reply",
    [Reply(status=status) for status in (199, 300, 301, 400, 404, 429, 500)]
    + [Reply(fault="timeout")],
)
async def test_what_is_not_taken_is_sent_again(desk: Newsroom, reply: Reply) -> None:
    await post(desk)
    desk.sender.replies += [reply, reply, Reply(status=200)]
    found = []
    for _ in range(3):
        found += await send(desk)
        pause_s = await due_in_s(desk)
        found.append("-" if pause_s is None else str(round(pause_s)))
        await make_due(desk)
    assert ["failed", "5", "failed", "300", "delivered", "-"] == found
    assert ["msg_1"] * 3 == [letter.notice for letter in desk.sender.sent]


async def test_patience_ends_after_the_last_pause(desk: Newsroom) -> None:
    await post(desk)
    desk.sender.replies += [Reply(status=500)] * 3
    found = []
    for _ in range(4):
        found += await send(desk)
        await make_due(desk)
    assert ["failed", "failed", "given_up"] == found
    assert 3 == len(desk.sender.sent)
    assert "g" == await state_of(desk)


async def test_patience_ends_with_the_time_also_of_what_was_never_sent(desk: Newsroom) -> None:
    """As when its receiver was left alone all the while."""
    await post(desk)
    patience_s = desk.stage.snapshot.engine.notify_patience_s
    at_ms = int((desk.stage.runtime.clock.now_s() - patience_s - 1) * 1000)
    await desk.stage.client.call(("HSET", desk.stage.keys.letter("msg_1:one"), "at", at_ms))
    assert ["given_up"] == await send(desk)
    assert ([], "g") == (desk.sender.sent, await state_of(desk))


@pytest.mark.parametrize(
    ("asked_s", "pause_s"),
    [(None, 5), (-3.0, 5), (2.0, 5), (77.0, 77), (9 * DAY_S, DAY_S)],
)
async def test_retry_after_is_obeyed(
    desk: Newsroom, asked_s: float | None, pause_s: float
) -> None:
    await post(desk)
    desk.sender.replies.append(Reply(status=500, retry_after_s=asked_s))
    assert ["failed"] == await send(desk)
    found = await due_in_s(desk)
    assert found is not None
    assert pause_s - 2 < found <= pause_s


@pytest.mark.parametrize(
    ("status", "asked_s", "rest_s"),
    [
        (429, None, 5),
        (502, 1.0, 5),
        (503, None, 0),
        (503, 9.0, 9),
        (504, 77.0, 77),
        (500, 77.0, 0),
        (404, 9.0, 0),
    ],
)
async def test_a_receiver_with_too_much_to_do_is_left_alone(
    desk: Newsroom, status: int, asked_s: float | None, rest_s: float
) -> None:
    await post(desk)
    desk.sender.replies.append(Reply(status=status, retry_after_s=asked_s))
    assert ["failed"] == await send(desk)
    await post(desk, number=2)
    outcomes = await send(desk)
    assert (["delivered"] if not rest_s else []) == outcomes
    if rest_s:
        found = await due_in_s(desk)
        assert found is not None
        assert rest_s - 2 < found <= rest_s


@pytest.mark.parametrize(("chance", "pause_s"), [(0.0, 4.5), (0.999, 5.5)])
async def test_pauses_have_jitter(desk: Newsroom, chance: float, pause_s: float) -> None:
    stage = desk.stage
    stage.runtime = replace(stage.runtime, random=lambda: chance)
    desk = Newsroom(stage)
    await post(desk)
    desk.sender.replies.append(Reply(status=500))
    assert ["failed"] == await send(desk)
    found = await due_in_s(desk)
    assert found is not None
    assert pause_s - 0.4 < found <= pause_s


async def test_gone_silences_a_receiver_until_the_configuration_changes(desk: Newsroom) -> None:
    desk.sender.receivers += (Receiver(id="other", kinds=EVERYTHING),)
    await post(desk, "one")
    desk.sender.replies.append(Reply(status=410))
    assert ["silenced"] == await send(desk)
    await post(desk, "one", "other", number=2)
    assert ["delivered", "withdrawn"] == sorted(await send(desk))
    desk.stage.reload(desk.stage.snapshot)
    await post(desk, "one", number=3)
    assert ["delivered"] == await send(desk)
    assert ["s", "w", "d"] == [await state_of(desk, f"msg_{number}:one") for number in range(1, 4)]


async def test_who_left_the_configuration_is_looked_for_and_sent_nothing(desk: Newsroom) -> None:
    await post(desk)
    desk.sender.receivers = ()
    found = []
    for _ in range(3):
        found += await send(desk)
        await make_due(desk)
    assert ["failed", "failed", "withdrawn"] == found
    assert {"unknown_receiver"} == {e.fault for e in desk.stage.observer.of(NoticeSent)}
    assert await due_in_s(desk) is None


async def test_a_receiver_that_another_process_knew_first_is_found(desk: Newsroom) -> None:
    """As when the configuration is just being read by one after the other."""
    await post(desk)
    known, desk.sender.receivers = desk.sender.receivers, ()
    assert ["failed"] == await send(desk)
    desk.sender.receivers = known
    await make_due(desk)
    assert ["delivered"] == await send(desk)


async def test_a_url_of_a_create_that_is_gone_silences_no_other(desk: Newsroom) -> None:
    for number in (1, 2):
        await post(desk, number=number)
        letter = desk.stage.keys.letter(f"msg_{number}:one")
        await desk.stage.client.call(("HSET", letter, "url", "https://hooks.example/in"))
    desk.sender.replies.append(Reply(status=410))
    assert ["delivered", "silenced"] == sorted(await send(desk))
    await post(desk, number=3)
    assert ["delivered"] == await send(desk)


async def test_of_several_processes_one_sends(new_stage: StageMaker) -> None:
    desks = [Newsroom(new_stage()) for _ in range(4)]
    for number in range(5):
        await post(desks[0], number=number)
    for _ in range(2):
        await asyncio.gather(*map(send, desks))
    sent = [letter.id for desk in desks for letter in desk.sender.sent]
    assert [f"msg_{number}:one" for number in range(5)] == sorted(sent)


async def test_a_letter_whose_sender_died_is_sent_again(new_stage: StageMaker) -> None:
    engine = replace(fast_engine(), notify_timeout_s=0.05)
    dead, alive = (Newsroom(new_stage(snapshot=fast_snapshot(engine=engine))) for _ in range(2))
    dead.sender.hold = asyncio.Event()
    await post(dead)
    dying = asyncio.ensure_future(send(dead))

    async def sending() -> bool:
        return bool(dead.sender.sent)

    await wait_until(sending, "the letter to be on its way")
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying

    async def sent() -> bool:
        return ["delivered"] == await send(alive)

    await wait_until(sent, "the other to send it")
    assert 2 == alive.sender.sent[0].tries


async def test_a_slow_receiver_delays_no_other(desk: Newsroom) -> None:
    desk.sender.receivers += (Receiver(id="other", kinds=EVERYTHING),)
    desk.sender.hold = asyncio.Event()
    for number in range(AT_ONCE + 3):
        await post(desk, "one", number=number)
    await post(desk, "other", number=99)
    async with asyncio.TaskGroup() as group:
        await desk.deliveries.begin(group)

        async def all_that_may() -> bool:
            return len(desk.sender.sent) == AT_ONCE + 1

        await wait_until(all_that_may, "as many letters as may be sent at a time")
        await desk.deliveries.begin(group)
        assert AT_ONCE + 1 == len(desk.sender.sent)
        desk.sender.hold.set()
    assert 1 == len([letter for letter in desk.sender.sent if letter.receiver == "other"])
    assert AT_ONCE + 4 == len(desk.sender.sent), "the round goes on until nothing is due"


async def test_a_crowd_of_slow_receivers_leaves_when_its_turn_is_over(
    new_stage: StageMaker,
) -> None:
    clock = SteppedClock()
    desk = Newsroom(new_stage(clock=clock))
    desk.sender.hold = asyncio.Event()
    for number in range(AT_ONCE + 3):
        await post(desk, "one", number=number)
    async with asyncio.TaskGroup() as group:
        await desk.deliveries.begin(group)

        async def sending() -> bool:
            return len(desk.sender.sent) == AT_ONCE

        await wait_until(sending, "the first letters")
        clock.advance(ROUND_S)
        desk.sender.hold.set()
    assert AT_ONCE == len(desk.sender.sent)
    assert 3 == len(await send(desk))


async def test_so_many_receivers_are_sent_to_at_a_time(desk: Newsroom) -> None:
    names = [f"r{number}" for number in range(RECEIVERS_MAX + 2)]
    desk.sender.receivers = tuple(Receiver(id=name, kinds=EVERYTHING) for name in names)
    desk.sender.hold = asyncio.Event()
    await post(desk, *names)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            await desk.deliveries.begin(group)

        async def all_that_may() -> bool:
            return len(desk.sender.sent) == RECEIVERS_MAX

        await wait_until(all_that_may, "as many receivers as may be sent to")
        desk.sender.hold.set()
    assert 2 == len(await send(desk))


@pytest.mark.parametrize("name", ["due", "letters", "take", "silenced", "note"])
async def test_an_outage_loses_no_letter(desk: Newsroom, name: str) -> None:
    desk = Newsroom(desk.stage, away=name)
    await post(desk)
    watching = asyncio.ensure_future(desk.deliveries.watch())

    async def taken() -> bool:
        if desk.sender.sent or name in ("silenced", "take"):
            await make_due(desk)  # the lease is over
        return bool(desk.stage.observer.of(NoticeSent))

    try:
        await wait_until(taken, "the letter to be sent all the same")
    finally:
        watching.cancel()
    assert await due_in_s(desk) is None
