"""The record of decisions: read as written, the oldest go, and nothing stands there twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.conditions import Closed, Closure, Conditions
from proxy.domain.decision import ACCEPTED, Decision
from proxy.domain.ids import KeyId
from proxy.domain.policy import Match
from proxy.domain.usage import BudgetUse
from proxy.store.decisions import RedisDecisionLog, decode, encode
from proxy.store.keys import Keys
from tests.builders import MARKETING, NOW_S
from tests.job_builders import a_plan, a_request

if TYPE_CHECKING:
    from tests.store.losing import Losing
    from tests.store.stores import Store


def a_decision(number: int = 0) -> Decision:
    return Decision(
        id=f"video_{number}",
        at_s=NOW_S + 0.25,
        team=MARKETING,
        key=KeyId("k1111111"),
        snapshot_digest="d1",
        request=a_request("xxx"),
        conditions=Conditions(
            closed={"kling/one": Closed(why=Closure.UNHEALTHY, detail="down\nsince noon")},
            latency_s={"kling/one": 12.5},
            success={"vertex/two": 0.9},
        ),
        budgets=(
            BudgetUse(budget_id="all", used_micro_usd=1, limit_micro_usd=2),
            BudgetUse(budget_id="veo", used_micro_usd=1, limit_micro_usd=2, match=Match()),
        ),
        plan=a_plan(),
        outcome=ACCEPTED,
        chosen=0,
    )


def log_of(store: Store) -> RedisDecisionLog:
    return RedisDecisionLog(store.client, Keys())


async def ids(
    store: Store,
    since_ms: int | None = None,
    until_ms: int | None = None,
    *,
    is_latest_first: bool = False,
) -> list[str]:
    read = log_of(store).read(since_ms, until_ms, is_latest_first=is_latest_first)
    return [decision.id async for decision in read]


def test_a_decision_survives_its_packing() -> None:
    assert a_decision() == decode(encode(a_decision()))
    refused = replace(a_decision(), chosen=None, outcome="no_route", budgets=())
    assert refused == decode(encode(refused))


async def test_decisions_are_read_by_pages_in_both_directions(store: Store) -> None:
    log = log_of(store)
    for begin in range(0, 450, 150):
        await log.append([a_decision(n) for n in range(begin, begin + 150)], keep=10_000)
    every = [f"video_{n}" for n in range(450)]
    assert every == await ids(store)
    assert every[::-1] == await ids(store, is_latest_first=True)
    now_ms = await store.accounts.now_ms()
    assert every == await ids(store, now_ms - 60_000, now_ms + 60_000)
    assert [] == await ids(store, now_ms + 60_000)
    assert [] == await ids(store, None, now_ms - 60_000, is_latest_first=True)


async def test_the_oldest_are_forgotten(store: Store) -> None:
    await log_of(store).append([a_decision(n) for n in range(1_000)], keep=100)
    kept = await ids(store)
    assert 100 <= len(kept) < 300
    assert "video_999" == kept[-1]


async def test_what_cannot_be_read_is_left_out(store: Store) -> None:
    await store.client.call(
        ("XADD", Keys().decisions(), "*", "d", b"[]\n9what a later version wrote")
    )
    await log_of(store).append([a_decision()], keep=100)
    assert ["video_0"] == await ids(store)


@pytest.mark.loses("decide")
async def test_a_lost_reply_puts_nothing_on_record_twice(losing: Losing) -> None:
    async def append(far: Store) -> None:
        await log_of(far).append([a_decision(1), a_decision(2)], keep=100)

    await losing.once(append)
    assert ["video_1", "video_2"] == await ids(losing.store)
