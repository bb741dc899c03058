"""Each thing is told once, together with its letters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.domain.balance import Balance
from proxy.domain.ids import TeamId
from proxy.domain.notice import Notice, NoticeKind
from proxy.gateway.ports.ledger import Posted
from proxy.gateway.ports.notices import Mail
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


async def letters(store: Store) -> list[str]:
    """Every letter that is due."""
    receivers, _ = await store.outbox.due(99)
    return sorted([name for each in receivers for name in await store.outbox.letters(each, 99)])


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
