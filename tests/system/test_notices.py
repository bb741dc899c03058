"""Levels of a budget reach a real receiver once: over processes, crashes and its absences."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from tests.receiver import Receiver, receiving
from tests.system.deployment import FAST_ENGINE, WEBHOOK_SECRET, Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

VIDEO = {"model": "kling-3.0", "seconds": 4}
"""$0.336 of a budget of $1."""
ENGINE = {
    **FAST_ENGINE,
    "alert_every": "100ms",
    "notify_after": ["200ms"] * 50,
    "notify_timeout": "1s",
}
BUDGET = {"id": "monthly", "period": "month", "limit": "$1", "alert_at": ["30%", "60%", "90%"]}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def deployment(tmp_path: Path, receiver: Receiver) -> Iterator[Deployment]:
    """Not started yet."""
    hook = {
        "on": ["budget.threshold", "provider.account"],
        "url": f"{receiver.url}/finance",
        "secret": "${WEBHOOK_SECRET}",
        "private": True,
    }
    made = Deployment(
        folder=tmp_path, engine=dict(ENGINE), team={"budgets": [dict(BUDGET)]}, notify=[hook]
    )
    yield made
    made.stop()


def told(receiver: Receiver) -> list[dict[str, Any]]:
    """What came, each verified by the specification's library."""
    for delivery in receiver.deliveries:
        Webhook(WEBHOOK_SECRET).verify(delivery.body, dict(delivery.headers))
    return [delivery.content for delivery in receiver.deliveries]


def levels(receiver: Receiver) -> list[int]:
    return [body["data"]["level_percent"] for body in told(receiver)]


async def until_levels(receiver: Receiver, *expected: int) -> None:
    async def there() -> bool:
        return len(receiver.deliveries) >= len(expected)

    await wait_until(there, f"the levels {expected}")
    assert list(expected) == levels(receiver)


async def looks(deployment: Deployment, count: int = 6) -> None:
    """Wait until the budgets were looked at some times more, by processes that see what we do."""
    goal = await calls(deployment, "hmget") + count

    async def there() -> bool:
        return await calls(deployment, "hmget") >= goal

    await wait_until(there, "further looks at the budgets")


async def metric(deployment: Deployment, name: str) -> Counter[str]:
    """The series of a metric by their labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{deployment.admin_url}/metrics") as answer,
    ):
        text = await answer.text()
    found: Counter[str] = Counter()
    for line in text.splitlines():
        if line.startswith(name):
            series, _, value = line.rpartition(" ")
            found[series.removeprefix(name)] += int(float(value))
    return found


async def calls(deployment: Deployment, operation: str) -> int:
    found = await metric(deployment, "greenlight_store_call_seconds_count")
    return sum(count for labels, count in found.items() if f'operation="{operation}"' in labels)


async def test_two_processes_and_a_restart_tell_each_level_once(
    deployment: Deployment, receiver: Receiver
) -> None:
    deployment.serve_arguments = ("--workers", "2")
    deployment.start()
    await deployment.create("A boat.", **VIDEO)
    await until_levels(receiver, 30)
    body = told(receiver)[0]
    assert ("budget.threshold", "marketing", "monthly", "1.000000") == (
        body["type"],
        body["data"]["team"],
        body["data"]["budget"],
        body["data"]["limit"],
    )
    await deployment.create("A boat.", **VIDEO)
    await until_levels(receiver, 30, 60)
    sent = await metric(deployment, "greenlight_notifications_total")
    assert 2 == sent['{operation="budget.threshold",outcome="delivered"}']
    assert 2 == (await metric(deployment, "greenlight_budget_alerts_total"))[""]
    assert deployment.proxy is not None
    deployment.proxy.stop()
    deployment.start_proxy()
    await looks(deployment)
    assert [30, 60] == levels(receiver)


async def test_killed_between_the_mark_and_the_sending(
    deployment: Deployment, receiver: Receiver
) -> None:
    deployment.start(GREENLIGHT_CRASH_AT="BudgetAlert")
    proxy = deployment.proxy
    assert proxy is not None
    await deployment.create("A boat.", **VIDEO)

    async def is_dead() -> bool:
        return not proxy.is_running

    await wait_until(is_dead, "the crash")
    assert [] == receiver.deliveries
    deployment.start_proxy()
    await until_levels(receiver, 30)
    await looks(deployment)
    assert [30] == levels(receiver)


async def test_killed_while_it_was_being_sent(deployment: Deployment, receiver: Receiver) -> None:
    """Nobody can know whether it was taken: it is sent again, and says that it is the same."""
    receiver.hold = asyncio.Event()
    deployment.start()
    await deployment.create("A boat.", **VIDEO)
    await until_levels(receiver, 30)
    assert deployment.proxy is not None
    deployment.proxy.kill()
    receiver.hold.set()
    deployment.start_proxy()
    await until_levels(receiver, 30, 30)
    assert 1 == len({delivery.headers["webhook-id"] for delivery in receiver.deliveries})


async def test_several_levels_at_once_are_one_notice(
    deployment: Deployment, receiver: Receiver
) -> None:
    deployment.engine["alert_every"] = "2s"
    deployment.start()
    for number in range(2):
        await deployment.create(f"Boat {number}.", **VIDEO)
    await until_levels(receiver, 60)


async def test_a_receiver_that_is_away_for_a_while(
    deployment: Deployment, receiver: Receiver
) -> None:
    receiver.answer(503, times=2)
    receiver.answer(302, Location=f"{receiver.url}/elsewhere")
    deployment.start()
    await deployment.create("A boat.", **VIDEO)
    await until_levels(receiver, 30, 30, 30, 30)
    assert {"/finance"} == {delivery.path for delivery in receiver.deliveries}
    assert 1 == len({delivery.headers["webhook-id"] for delivery in receiver.deliveries})
    sent = await metric(deployment, "greenlight_notifications_total")
    assert 3 == sent['{operation="budget.threshold",outcome="failed"}']


async def test_gone_is_the_last_word_until_the_configuration_changes(
    deployment: Deployment, receiver: Receiver
) -> None:
    receiver.answer(410)
    deployment.start()
    await deployment.create("A boat.", **VIDEO)
    await until_levels(receiver, 30)
    await deployment.create("A boat.", **VIDEO)

    async def withdrawn() -> bool:
        sent = await metric(deployment, "greenlight_notifications_total")
        return sent['{operation="budget.threshold",outcome="withdrawn"}'] == 1

    await wait_until(withdrawn, "the next level to be withdrawn")
    assert [30] == levels(receiver)
    deployment.team["budgets"][0]["alert_at"] = ["30%", "60%", "65%", "90%"]
    with deployment.reloading():
        deployment.write()
    await until_levels(receiver, 30, 65)


async def test_a_refused_account_is_told(deployment: Deployment, receiver: Receiver) -> None:
    deployment.start()
    await deployment.create("A boat. [[kling: submit=401]]", **VIDEO)

    async def there() -> list[dict[str, Any]] | None:
        # A budget's level may be told before it.
        return [body for body in told(receiver) if body["type"] == "provider.account"] or None

    bodies = await wait_until(there, "the notice")
    assert [{"provider": "kling", "account": "main", "reason": "auth"}] == [
        body["data"] for body in bodies
    ]
