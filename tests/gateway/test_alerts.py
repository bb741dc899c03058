"""Each level of a budget is told once in a period, and so is each trouble with an account."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.app.clock import SystemClock
from proxy.domain.balance import balances_at
from proxy.domain.events import BudgetAlert, ChoreFailed, ProviderCalled
from proxy.domain.failure import FailureKind
from proxy.domain.health_events import RenderFailed
from proxy.domain.notice import NoticeKind
from proxy.domain.period import PeriodKind
from proxy.domain.policy import OnExceed
from proxy.gateway.ports.notices import Receiver
from proxy.store.ledger import RedisLedger
from tests.builders import KLING, MARKETING, VERTEX, a_budget, a_key, a_team
from tests.gateway.clocks import ShiftedClock
from tests.gateway.harness import KLING_MICRO_USD, fast_engine, fast_snapshot, wait_until
from tests.gateway.newsroom import Newsroom
from tests.job_builders import a_candidate, a_job_id, a_mandate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from proxy.domain.ids import ProviderName
    from proxy.domain.policy import Budget, Snapshot
    from proxy.store.client import Client
    from tests.gateway.conftest import StageMaker

LIMIT = 100_000_000
BY_KEY = "key:k7f3q2ab"


def watched(
    *levels: int,
    name: str = "monthly",
    on_exceed: OnExceed = OnExceed.DENY,
    **fields: object,
) -> Budget:
    budget = a_budget(id=name, limit_micro_usd=LIMIT, on_exceed=on_exceed)
    return replace(budget, alert_at_percent=levels, **fields)  # type: ignore[arg-type]


def world(*budgets: Budget, org: Sequence[Budget] = (), of_key: Sequence[Budget] = ()) -> Snapshot:
    keys = [a_key(budgets=of_key)] if of_key else []
    return fast_snapshot(teams=[a_team(budgets=budgets)], keys=keys, organisation_budgets=org)


def month(ahead_s: float = 0.0) -> str:
    return period(watched(), ahead_s)


def period(budget: Budget, ahead_s: float = 0.0) -> str:
    """The id of a budget's period, now or a while later."""
    now_ms = int((SystemClock().now_s() + ahead_s) * 1000)
    return balances_at([budget], now_ms)[0].period.id


@pytest.fixture
async def books(client: Client) -> AsyncIterator[None]:
    """Money that was only pretended is gone before the books are looked at."""
    yield
    await client.call(("FLUSHALL",))


@pytest.fixture
def desk(new_stage: StageMaker, books: None) -> Newsroom:
    """Nothing happens here but what a test pretends."""
    return Newsroom(new_stage(snapshot=world(watched(50, 80, 100))))


async def levels(desk: Newsroom) -> list[int]:
    return [body["data"]["level_percent"] for body in await desk.told()]


async def test_a_level_is_told_once_with_how_the_budget_stands(desk: Newsroom) -> None:
    await desk.use(f"|month|{month()}", spent=40_000_000, reserved=41_500_000)
    [body] = await desk.told()
    assert NoticeKind.BUDGET_THRESHOLD == body["type"]
    assert {
        "team": "marketing",
        "budget": "monthly",
        "scope": "team:marketing",
        "account": "team:marketing|month",
        "period": month(),
        "period_starts_at": f"{month()}-01T00:00:00Z",
        "limit": "100.000000",
        "override": "0.000000",
        "spent": "40.000000",
        "reserved": "41.500000",
        "level_percent": 80,
    } == body["data"]
    assert [] == await desk.told()
    [event] = desk.stage.observer.of(BudgetAlert)
    assert (MARKETING, "monthly", 80) == (event.team, event.budget, event.level_percent)


async def test_each_level_in_its_turn(desk: Newsroom) -> None:
    name = f"|month|{month()}"
    found = []
    for spent in (49, 50, 79, 81, 60, 81, 100, 130):
        await desk.use(name, spent=spent * 1_000_000)
        found.append(await levels(desk))
    assert [[], [50], [], [80], [], [], [100], []] == found


async def test_several_at_once_are_one_notice(desk: Newsroom) -> None:
    name = f"|month|{month()}"
    await desk.use(name, spent=LIMIT)
    assert [100] == await levels(desk)
    for spent in (50, 80, 100):
        await desk.use(name, spent=spent * 1_000_000)
        assert [] == await levels(desk)


async def test_a_level_is_told_again_in_the_next_period(
    new_stage: StageMaker, books: None
) -> None:
    clock = ShiftedClock()
    desk = Newsroom(new_stage(snapshot=world(watched(50)), clock=clock))
    await desk.use(f"|month|{month()}", spent=60_000_000)
    assert [50] == await levels(desk)
    ahead_s = 40 * 86_400.0
    clock.ahead_s = ahead_s
    assert [] == await levels(desk)
    await desk.use(f"|month|{month(ahead_s)}", spent=60_000_000)
    assert [50] == await levels(desk)


async def test_a_period_that_has_just_ended_is_still_looked_at(
    new_stage: StageMaker, books: None
) -> None:
    hourly = watched(50, period=PeriodKind.HOUR)
    desk = Newsroom(new_stage(snapshot=world(hourly)))
    ended = period(hourly, -3600)
    await desk.use(f"|hour|{ended}", spent=60_000_000)
    assert [ended] == [body["data"]["period"] for body in await desk.told()]


async def test_a_period_that_ended_long_ago_is_not(new_stage: StageMaker, books: None) -> None:
    hourly = watched(50, period=PeriodKind.HOUR)
    desk = Newsroom(new_stage(snapshot=world(hourly)))
    await desk.use(f"|hour|{period(hourly, -7200)}", spent=60_000_000)
    assert [] == await desk.told()


async def test_a_reload_that_adds_a_level(desk: Newsroom) -> None:
    await desk.use(f"|month|{month()}", spent=60_000_000)
    assert [50] == await levels(desk)
    desk.stage.reload(world(watched(50, 55, 80)))
    assert [55] == await levels(desk)
    desk.stage.reload(world(watched(50, 52, 55, 80)))
    assert [] == await levels(desk), "higher ones were told"


async def test_a_renamed_budget_or_another_order_tells_nothing_again(desk: Newsroom) -> None:
    await desk.use(f"|month|{month()}", spent=60_000_000)
    assert [50] == await levels(desk)
    desk.stage.reload(world(watched(80, 50, name="renamed")))
    assert [] == await levels(desk)


async def test_a_soft_budget_below_a_hard_one(new_stage: StageMaker, books: None) -> None:
    soft = watched(80, 100, name="soft", on_exceed=OnExceed.ALLOW, limit_micro_usd=LIMIT // 2)
    desk = Newsroom(new_stage(snapshot=world(soft, watched(80, 90, name="hard"))))
    await desk.use(f"|month|{month()}", spent=40_000_000)
    assert [("soft", 80)] == [
        (body["data"]["budget"], body["data"]["level_percent"]) for body in await desk.told()
    ]
    await desk.use(f"|month|{month()}", spent=50_000_000)
    assert [100] == await levels(desk)
    await desk.use(f"|month|{month()}", spent=50_000_001)
    [body] = await desk.told()
    assert ("budget.soft_exceeded", "soft") == (body["type"], body["data"]["budget"])
    assert "level_percent" not in body["data"]
    await desk.use(f"|month|{month()}", spent=85_000_000)
    assert [("hard", 80)] == [
        (body["data"]["budget"], body["data"]["level_percent"]) for body in await desk.told()
    ]
    assert [80, 100, None, 80] == [
        event.level_percent for event in desk.stage.observer.of(BudgetAlert)
    ]


async def test_budgets_of_the_organisation_and_of_keys(new_stage: StageMaker, books: None) -> None:
    everybody = watched(50, name="all", scope="org")
    own = watched(50, name="mine", scope=BY_KEY)
    desk = Newsroom(new_stage(snapshot=world(org=[everybody], of_key=[own])))
    await desk.use(f"org|month|{month()}", spent=50_000_000)
    await desk.use(f"{BY_KEY}|month|{month()}", reserved=50_000_000)
    assert [("marketing", "mine"), (None, "all")] == [
        (body["data"]["team"], body["data"]["budget"]) for body in await desk.told()
    ]
    assert [] == await desk.told()


async def test_an_override_lifts_the_levels(new_stage: StageMaker) -> None:
    tight = replace(watched(50), limit_micro_usd=KLING_MICRO_USD)
    stage = new_stage(snapshot=world(tight))
    desk = Newsroom(stage)
    ledger = RedisLedger(stage.client, stage.keys)
    balance = f"team:marketing|month|{month()}"
    until_ms = await stage.runtime.accounts.now_ms() + 600_000
    await ledger.override(
        balance, MARKETING, a_mandate("1"), micro_usd=9 * KLING_MICRO_USD, until_ms=until_ms
    )
    await stage.create()
    assert [] == await desk.told()
    await ledger.revoke_override("1", MARKETING, a_mandate("2"))
    [body] = await desk.told()
    assert ("0.336000", "0.000000", "0.336000") == (
        body["data"]["limit"],
        body["data"]["override"],
        body["data"]["reserved"],
    )


async def test_of_several_processes_one_tells(new_stage: StageMaker, books: None) -> None:
    snapshot = world(watched(50, 80))
    desks = [Newsroom(new_stage(snapshot=snapshot)) for _ in range(6)]
    await desks[0].use(f"|month|{month()}", spent=90_000_000)
    await asyncio.gather(*(desk.alerts.once() for desk in desks))
    assert [80] == [body["data"]["level_percent"] for body in await desks[0].waiting()]
    assert 1 == sum(len(desk.stage.observer.of(BudgetAlert)) for desk in desks)


async def test_a_level_that_nobody_wants_to_know_is_an_event(desk: Newsroom) -> None:
    desk.sender.receivers = (Receiver(id="one", kinds=frozenset({NoticeKind.PROVIDER_ACCOUNT})),)
    await desk.use(f"|month|{month()}", spent=60_000_000)
    assert [] == await desk.told()
    assert [50] == [event.level_percent for event in desk.stage.observer.of(BudgetAlert)]


async def test_each_receiver_that_wants_it_is_told(desk: Newsroom) -> None:
    kinds = frozenset({NoticeKind.BUDGET_THRESHOLD})
    desk.sender.receivers = tuple(Receiver(id=name, kinds=kinds) for name in ("one", "other"))
    await desk.use(f"|month|{month()}", spent=60_000_000)
    assert [50, 50] == await levels(desk)


def called(
    outcome: str, *, provider: ProviderName = KLING, account: str = "main"
) -> ProviderCalled:
    return ProviderCalled(
        job=a_job_id(1),
        provider=provider,
        account=account,
        model=a_candidate().model,
        operation="submit",
        outcome=outcome,
        took_s=0.1,
    )


async def test_a_refused_account_is_told_once_an_hour(desk: Newsroom) -> None:
    for outcome in ("ok", "throttled", "auth", "auth"):
        desk.troubles.observe(called(outcome))
    desk.troubles.observe(called("account", provider=VERTEX, account="spare"))
    assert [
        ("provider.account", {"provider": "kling", "account": "main", "reason": "auth"}),
        ("provider.account", {"provider": "vertex", "account": "spare", "reason": "account"}),
    ] == [(body["type"], body["data"]) for body in await desk.told()]
    desk.troubles.observe(called("auth"))
    assert [] == await desk.told()


async def test_a_model_that_is_gone_is_told_by_name(desk: Newsroom) -> None:
    desk.troubles.observe(called(FailureKind.MODEL_GONE.value))
    [body] = await desk.told()
    assert "provider.model_gone" == body["type"]
    assert {
        "provider": "kling",
        "account": "main",
        "model": a_candidate().model,
    } == body["data"]


async def test_an_operation_that_is_gone_says_nothing_of_its_model(desk: Newsroom) -> None:
    desk.troubles.observe(ChoreFailed(chore="of another matter"))
    desk.troubles.observe(replace(called(FailureKind.MODEL_GONE.value), operation="status"))
    assert [] == await desk.told()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (FailureKind.ACCOUNT, "provider.account"),
        (FailureKind.MODEL_GONE, "provider.model_gone"),
        (FailureKind.FAILED_UPSTREAM, None),
    ],
)
async def test_what_ends_an_accepted_job_is_told_too(
    desk: Newsroom, kind: FailureKind, told: str | None
) -> None:
    ended = RenderFailed(
        job=a_job_id(1),
        provider=KLING,
        account="main",
        model=a_candidate().model,
        kind=kind.value,
        upstream_code=None,
        is_classified=True,
    )
    desk.troubles.observe(ended)
    assert [told] * bool(told) == [body["type"] for body in await desk.told()]


@pytest.mark.parametrize("name", ["marked", "mark", "followed", "tell_once"])
async def test_without_the_store_everything_is_told_later(desk: Newsroom, name: str) -> None:
    desk = Newsroom(desk.stage, away=name)
    await desk.use(f"|month|{month()}", spent=60_000_000)
    desk.troubles.observe(called("auth"))
    desk.troubles.observe(called("auth", provider=VERTEX))
    found = [body["type"] for body in (*await desk.told(), *await desk.told())]
    assert ["budget.threshold", "provider.account", "provider.account"] == sorted(found)


async def test_watching_never_ends_by_itself(desk: Newsroom) -> None:
    desk.stage.reload(
        replace(world(watched(50)), engine=replace(fast_engine(), alert_every_s=0.01))
    )
    await desk.use(f"|month|{month()}", spent=60_000_000)
    watching = asyncio.ensure_future(desk.alerts.watch())

    async def told() -> bool:
        return bool(desk.stage.observer.of(BudgetAlert))

    try:
        await wait_until(told, "the level to be told")
        assert not watching.done()
    finally:
        watching.cancel()
