"""Freezes, revoked keys, overrides and soft budgets, as callers and the worker meet them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import (
    BudgetExceeded,
    ProxyError,
    SpendingFrozen,
    Unauthenticated,
)
from proxy.domain.events import BudgetPassed, Refused, SlotTaken
from proxy.domain.job import JobState
from proxy.domain.policy import Match, OnExceed
from proxy.store.ledger import RedisLedger
from tests.builders import KLING, MARKETING, VERTEX, a_budget, a_key, a_team
from tests.gateway.harness import KLING_MICRO_USD, VEO_MICRO_USD, a_video, fast_snapshot
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import ProviderName, TeamId
    from proxy.domain.policy import Budget
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage


def ledger_of(stage: Stage) -> RedisLedger:
    return RedisLedger(stage.client, stage.keys)


async def refusal_of(stage: Stage) -> ProxyError:
    """What a create is refused with, which a quote must say too."""
    quoted = await stage.videos.quote(stage.caller(), a_video())
    with pytest.raises(ProxyError) as refused:
        await stage.create()
    assert quoted.refusal is not None
    assert quoted.chosen is None
    assert (refused.value.code, refused.value.details) == (
        quoted.refusal.code,
        quoted.refusal.details,
    )
    return refused.value


@pytest.mark.parametrize(
    ("team", "providers", "what"),
    [(MARKETING, [], "team"), (None, [None], "all"), (None, [KLING, VERTEX], "provider")],
)
async def test_a_freeze_refuses_creates_and_says_what_is_frozen(
    stage: Stage, team: TeamId | None, providers: Sequence[ProviderName | None], what: str
) -> None:
    for number, provider in enumerate(providers or [None]):
        await ledger_of(stage).freeze(a_mandate(str(number)), team=team, provider=provider)
    refused = await refusal_of(stage)
    assert isinstance(refused, SpendingFrozen)
    assert {"frozen": what} == refused.details
    assert ["spending_frozen"] == [event.code for event in stage.observer.of(Refused)]


async def test_a_frozen_provider_is_passed_over(stage: Stage) -> None:
    await ledger_of(stage).freeze(a_mandate(), provider=KLING)
    quoted = await stage.videos.quote(stage.caller(), a_video())
    assert [False, True] == [item.fits for item in quoted.candidates]
    view = await stage.create()
    assert view.job.candidate == quoted.chosen
    assert VERTEX == view.job.candidate.provider


@pytest.mark.parametrize("provider", [KLING, None])
async def test_a_frozen_job_waits_without_a_slot_until_the_thaw(
    stage: Stage, provider: ProviderName | None
) -> None:
    view = await stage.create()
    await ledger_of(stage).freeze(a_mandate("1"), provider=provider)
    async with stage.working():
        await stage.turned()
        assert [] == stage.observer.of(SlotTaken)
        assert JobState.QUEUED is (await stage.load(view.job)).state
        await ledger_of(stage).thaw(a_mandate("2"), provider=provider)
        stage.runtime.wake()
        assert JobState.COMPLETED is (await stage.finished(view.job)).state


async def test_a_freeze_that_comes_between_gives_the_slot_back(stage: Stage) -> None:
    script = stage.lossy()
    view = await stage.create()

    async def freeze() -> None:
        await ledger_of(stage).freeze(a_mandate("1"), team=MARKETING)

    script.interruptions["begin"] = freeze
    async with stage.working():
        await stage.turned()
        assert 1 == len(stage.observer.of(SlotTaken))
        assert 0 == await stage.slots()
        await ledger_of(stage).thaw(a_mandate("2"), team=MARKETING)
        stage.runtime.wake()
        await stage.finished(view.job)


async def test_a_revoked_key_is_no_key(stage: Stage) -> None:
    job = await stage.made()
    await ledger_of(stage).revoke_key(MARKETING, a_key().id, a_mandate())
    with pytest.raises(Unauthenticated):
        await stage.create()
    for ask in (
        stage.videos.get(stage.caller(), job.id),
        stage.videos.quote(stage.caller(), a_video()),
        stage.videos.budget(stage.caller()),
        stage.videos.cancel(stage.caller(), job.id),
    ):
        with pytest.raises(Unauthenticated):
            await ask


def of_one_team(*budgets: Budget, new_stage: StageMaker) -> Stage:
    return new_stage(snapshot=fast_snapshot(teams=[a_team(budgets=budgets)]))


async def test_an_override_is_room_and_the_refusal_knows_it(new_stage: StageMaker) -> None:
    stage = of_one_team(a_budget(limit_micro_usd=KLING_MICRO_USD), new_stage=new_stage)
    await stage.create()
    assert isinstance(await refusal_of(stage), BudgetExceeded)
    state = (await stage.videos.budget(stage.caller())).state.balances[0]
    until_ms = await stage.runtime.accounts.now_ms() + 3_600_000
    name = state.balance.name
    await ledger_of(stage).override(
        name, MARKETING, a_mandate(), micro_usd=KLING_MICRO_USD, until_ms=until_ms
    )
    await stage.create()
    refused = await refusal_of(stage)
    assert ("0.672000", "0.672000") == (refused.details["limit"], refused.details["reserved"])


async def test_a_budget_that_allows_warns_and_never_refuses(new_stage: StageMaker) -> None:
    soft = replace(a_budget(id="soft", limit_micro_usd=1), on_exceed=OnExceed.ALLOW)
    wide = replace(a_budget(id="wide"), on_exceed=OnExceed.ALLOW)
    stage = of_one_team(soft, wide, new_stage=new_stage)
    quoted = await stage.videos.quote(stage.caller(), a_video())
    assert quoted.refusal is None
    view = await stage.create()
    assert ("soft",) == view.budget_warnings
    assert [BudgetPassed(job=view.job.id, team=MARKETING, budget="soft")] == stage.observer.of(
        BudgetPassed
    )
    assert (0, KLING_MICRO_USD) == await stage.money()


async def test_the_organisation_s_soft_budget_is_nobody_s_team_s(new_stage: StageMaker) -> None:
    soft = replace(
        a_budget(id="all", limit_micro_usd=1, scope="org", match=Match(provider="vertex")),
        on_exceed=OnExceed.ALLOW,
    )
    stage = new_stage(
        snapshot=fast_snapshot(
            teams=[a_team(budgets=[a_budget(match=Match(provider="kling"), limit_micro_usd=0)])],
            organisation_budgets=[soft],
        )
    )
    with pytest.raises(BudgetExceeded):
        await stage.create()
    await ledger_of(stage).freeze(a_mandate(), provider=KLING)
    view = await stage.create()
    assert VEO_MICRO_USD == view.job.reserved_micro_usd
    assert [""] == [event.team for event in stage.observer.of(BudgetPassed)]
