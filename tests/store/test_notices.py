"""Each thing is told once, and each letter has one sender at a time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from proxy.domain.balance import Balance
from proxy.domain.ids import TeamId
from proxy.domain.notice import Notice, NoticeKind
from proxy.gateway.ports.ledger import Posted
from proxy.gateway.ports.notices import Letter, Mail
from proxy.store.notices import LETTER_LIFE_S
from tests.builders import MARKETING
from tests.job_builders import a_mandate
from tests.store.stores import Store, a_balance, a_command, an_organisation_balance

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = a_balance().name


def a_mail(*receivers: str, number: int = 1) -> Mail:
    notice = Notice(
        id=f"msg_{number}", kind=NoticeKind.BUDGET_THRESHOLD, at_ms=0, data={"budget": "monthly"}
    )
    return Mail(notice=notice, receivers=receivers)


async def marks_of(store: Store, balance: Balance, team: TeamId | None = MARKETING) -> set[str]:
    [found] = await store.bulletin.marked(team, [balance], now_ms=0)
    return set(found.marks)


async def a_letter(store: Store, *, lease_s: float = 60.0) -> Letter:
    """The one letter that is due, taken."""
    [(name, _)], _ = await store.outbox.due(9)
    letter = await store.outbox.take(name, lease_s=lease_s)
    assert letter is not None
    return letter


async def letters(store: Store) -> list[str]:
    return sorted(name for name, _ in (await store.outbox.due(99))[0])


@pytest.mark.parametrize(
    ("before", "marks", "is_news", "after"),
    [
        ([], ["50"], True, {"50"}),
        ([], ["50", "80", "100"], True, {"50", "80", "100"}),
        (["50"], ["50", "80"], True, {"50", "80"}),
        (["50", "80"], ["50", "80"], False, {"50", "80"}),
        (["80"], ["50", "80"], False, {"50", "80"}),
        (["100"], ["50", "90"], True, {"50", "90", "100"}),
        (["80@soft"], ["80@hard"], True, {"80@soft", "80@hard"}),
        (["100"], ["10"], True, {"10", "100"}),
    ],
)
async def test_the_highest_level_is_news_once(
    store: Store, before: Sequence[str], marks: Sequence[str], is_news: bool, after: set[str]
) -> None:
    for mark in before:
        assert await store.bulletin.mark(MARKETING, NAME, [mark], a_mail(f"old{mark}"))
    assert is_news is await store.bulletin.mark(MARKETING, NAME, marks, a_mail("new", number=2))
    assert after == await marks_of(store, a_balance())
    assert is_news == ("msg_2:new" in await letters(store))


async def test_of_many_who_mark_a_level_one_tells(store: Store) -> None:
    mails = [a_mail("one", number=number) for number in range(8)]
    told = await asyncio.gather(
        *(store.bulletin.mark(MARKETING, NAME, ["50", "80"], mail) for mail in mails)
    )
    assert 1 == sum(told)
    assert 1 == len(await letters(store))


async def test_marks_are_the_balances_own(store: Store) -> None:
    other = a_balance(id="daily")
    shared = an_organisation_balance()
    await store.bulletin.mark(MARKETING, NAME, ["50"], a_mail())
    await store.bulletin.mark(None, shared.name, ["80"], a_mail())
    assert set() == await marks_of(store, other)
    assert {"80"} == await marks_of(store, shared, None)
    assert {"50"} == await marks_of(store, a_balance())


async def test_a_balance_is_read_with_its_override(store: Store) -> None:
    job = await store.admitted(a_command(balances=(a_balance(),)))
    until_ms = await store.accounts.now_ms() + 600_000
    lifted = await store.ledger.override(
        NAME, MARKETING, a_mandate("1"), micro_usd=7, until_ms=until_ms
    )
    assert isinstance(lifted, Posted)
    [found] = await store.bulletin.marked(MARKETING, [a_balance()], now_ms=until_ms - 1)
    quote = job.plan.candidates[0].quote_micro_usd
    assert (0, quote, 7) == (
        found.state.spent_micro_usd,
        found.state.reserved_micro_usd,
        found.state.lifted_micro_usd,
    )
    [found] = await store.bulletin.marked(MARKETING, [a_balance()], now_ms=until_ms)
    assert 0 == found.state.lifted_micro_usd


async def test_marks_are_no_money(store: Store) -> None:
    """The fixture proves the ledger afterwards: a mark must not be taken for a balance."""
    await store.admitted()
    await store.bulletin.mark(MARKETING, NAME, ["50"], a_mail())
    assert () == (await store.ledger.verify()).violations


async def test_a_letter_says_what_was_told(store: Store) -> None:
    mail = a_mail("one")
    await store.bulletin.tell_once("it", mail, silence_s=60)
    letter = await a_letter(store)
    assert ("one", "msg_1", "budget.threshold", 1) == (
        letter.receiver,
        letter.notice,
        letter.kind,
        letter.tries,
    )
    assert {
        "type": "budget.threshold",
        "timestamp": "1970-01-01T00:00:00.000Z",
        "data": {"budget": "monthly"},
    } == json.loads(letter.body)


async def test_every_receiver_has_a_letter_of_its_own(store: Store) -> None:
    await store.bulletin.tell_once("it", a_mail("one", "other"), silence_s=60)
    assert ["msg_1:one", "msg_1:other"] == await letters(store)


async def test_a_letter_lives_longer_than_it_is_tried(store: Store) -> None:
    await store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    left_s = await store.client.read(("TTL", store.keys.letter("msg_1:one")))
    assert LETTER_LIFE_S - 60 < left_s <= LETTER_LIFE_S


async def test_of_many_who_take_a_letter_one_has_it(store: Store) -> None:
    await store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    taken = await asyncio.gather(*(store.outbox.take("msg_1:one", lease_s=60) for _ in range(8)))
    assert 1 == len([letter for letter in taken if letter is not None])


async def test_a_letter_whose_sender_died_is_due_again(store: Store) -> None:
    await store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    first = await a_letter(store, lease_s=0.0)
    again = await a_letter(store)
    assert 2 == again.tries
    await store.outbox.end(first)
    kept = await store.client.read(("EXISTS", store.keys.letter(first.id)))
    assert 1 == kept, "who lost the lease must not drop it"
    await store.outbox.end(again)
    assert 0 == await store.client.read(("EXISTS", store.keys.letter(first.id)))


async def test_a_letter_that_is_put_off_is_due_later(store: Store) -> None:
    await store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    letter = await a_letter(store)
    await store.outbox.put_off(letter, again_in_s=300)
    due, idle_s = await store.outbox.due(9)
    assert [] == due
    assert idle_s is not None
    assert 290 < idle_s <= 300
    assert await store.outbox.take(letter.id, lease_s=60) is None


async def test_a_letter_whose_time_is_over_leaves_the_outbox(store: Store) -> None:
    await store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    await store.client.call(("DEL", store.keys.letter("msg_1:one")))
    assert await store.outbox.take("msg_1:one", lease_s=60) is None
    assert [] == await letters(store)


async def test_trouble_is_told_again_when_the_silence_is_over(store: Store) -> None:
    assert await store.bulletin.tell_once("it", a_mail("one"), silence_s=60)
    assert not await store.bulletin.tell_once("it", a_mail("one", number=2), silence_s=60)
    assert await store.bulletin.tell_once("that", a_mail("one", number=3), silence_s=60)
    await store.client.call(("DEL", store.keys.told("it")))
    assert await store.bulletin.tell_once("it", a_mail("one", number=4), silence_s=60)
    assert ["msg_1:one", "msg_3:one", "msg_4:one"] == await letters(store)


async def test_the_ledger_is_followed_by_one_at_a_time(store: Store) -> None:
    assert await store.bulletin.followed() is None
    assert "0-0" == await store.bulletin.last_entry()
    told = await asyncio.gather(
        *(store.bulletin.follow(None, "5-0", [a_mail("one", number=n)]) for n in range(8))
    )
    assert 1 == sum(told)
    assert "5-0" == await store.bulletin.followed()
    assert 1 == len(await letters(store))


async def test_the_last_entry_is_the_ledgers(store: Store) -> None:
    await store.admitted()
    [entry] = [each async for each in store.ledger.entries()]
    assert entry.id == await store.bulletin.last_entry()


async def test_a_receiver_is_silent_for_one_configuration(store: Store) -> None:
    assert frozenset() == await store.outbox.silenced("d1")
    await store.outbox.silence("one", "d1")
    assert {"one"} == await store.outbox.silenced("d1")
    assert frozenset() == await store.outbox.silenced("d2")
    await store.outbox.silence("other", "d2")
    assert {"other"} == await store.outbox.silenced("d2")
    assert frozenset() == await store.outbox.silenced("d1")
