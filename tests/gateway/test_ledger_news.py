"""Overage and unattributed charges are read off the ledger, each told once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ledger import Charge
from proxy.domain.notice import NoticeKind
from proxy.gateway.ledger_news import NAMED_MAX, OLDEST_MS, PAGE, LedgerNews
from proxy.gateway.ports.ledger import Posted
from proxy.gateway.ports.notices import Receiver
from proxy.gateway.ports.provider import Succeeded
from proxy.store.archive import RedisLedgerStream
from proxy.store.ledger import RedisLedger
from tests.builders import KLING
from tests.gateway.harness import KLING_MICRO_USD
from tests.gateway.newsroom import Newsroom
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from proxy.domain.job import Job
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

OVER = 1_500
WANTED = (NoticeKind.BUDGET_OVERAGE, NoticeKind.ATTEMPT_UNATTRIBUTED)


@pytest.fixture
async def desk(stage: Stage) -> Newsroom:
    """The first look has noted where the ledger ends."""
    desk = Newsroom(stage)
    desk.sender.receivers = (Receiver(id="one", kinds=frozenset(WANTED)),)
    assert [] == await desk.told()
    return desk


async def costing_more(stage: Stage) -> Job:
    """A job whose provider says it cost more than was held."""
    charge = KLING_MICRO_USD + OVER
    stage.kling.statuses.append(Succeeded(result={}, charge_micro_usd=charge))
    return await stage.made()


async def an_orphan(stage: Stage, task: str) -> None:
    posted = await RedisLedger(stage.client, stage.keys).unattributed(
        Charge(provider=KLING, account="main", task=task),
        700,
        a_mandate(task),
        known_micro_usd=0,
        balances=("unattributed|month|2026-11",),
    )
    assert isinstance(posted, Posted)


async def test_overage_is_told_with_its_attempts(desk: Newsroom) -> None:
    jobs = [await costing_more(desk.stage) for _ in range(2)]
    await desk.stage.made()
    [body] = await desk.told()
    data = body["data"]
    assert ("budget.overage", "marketing", "0.003000", 2) == (
        body["type"],
        data["team"],
        data["amount"],
        data["count"],
    )
    assert [(f"{job.id}-1", job.id, "0.001500") for job in jobs] == [
        (each["attempt"], each["job"], each["amount"]) for each in data["attempts"]
    ]
    assert ("kling", jobs[0].candidate.model) == (
        data["attempts"][0]["provider"],
        data["attempts"][0]["model"],
    )
    assert [] == await desk.told()


async def test_what_no_attempt_explains_is_told_with_its_tasks(desk: Newsroom) -> None:
    for task in ("t-1", "t-2"):
        await an_orphan(desk.stage, task)
    [body] = await desk.told()
    assert "attempt.unattributed" == body["type"]
    assert {
        "provider": "kling",
        "account": "main",
        "amount": "0.001400",
        "count": 2,
        "tasks": [
            {"task": "t-1", "amount": "0.000700"},
            {"task": "t-2", "amount": "0.000700"},
        ],
    } == body["data"]


async def test_only_who_wants_it_is_told(desk: Newsroom) -> None:
    desk.sender.receivers = (Receiver(id="one", kinds=frozenset(WANTED[1:])),)
    await costing_more(desk.stage)
    assert [] == await desk.told()


async def test_nothing_is_read_that_nobody_wants(stage: Stage) -> None:
    desk = Newsroom(stage)
    desk.sender.receivers = ()
    await costing_more(stage)
    assert [] == await desk.told()
    assert await desk.bulletin.followed() is None


async def test_what_came_before_the_first_look_is_not_told(stage: Stage) -> None:
    await costing_more(stage)
    desk = Newsroom(stage)
    assert [] == await desk.told()
    assert [] == await desk.told()


async def test_of_several_processes_one_tells(new_stage: StageMaker) -> None:
    desks = [Newsroom(new_stage()) for _ in range(4)]
    await desks[0].alerts.once()
    await costing_more(desks[0].stage)
    await asyncio.gather(*(desk.alerts.once() for desk in desks))
    assert 1 == len(await desks[0].waiting())


async def test_a_long_ledger_is_read_by_pages(desk: Newsroom) -> None:
    count = PAGE + 10
    await asyncio.gather(*(an_orphan(desk.stage, f"t-{number}") for number in range(count)))
    bodies = await desk.told()
    assert {PAGE, 10} == {body["data"]["count"] for body in bodies}
    assert {NAMED_MAX, 10} == {len(body["data"]["tasks"]) for body in bodies}


async def test_what_is_older_than_a_day_is_not_told(desk: Newsroom) -> None:
    stage = desk.stage
    await costing_more(stage)
    news = LedgerNews(
        desk.bulletin, RedisLedgerStream(stage.client, stage.keys), stage.runtime.random_bytes
    )
    in_two_days_ms = stage.runtime.balances.now_ms() + 2 * OLDEST_MS
    await news.look(desk.sender.receivers, in_two_days_ms)
    assert [] == await desk.waiting()
