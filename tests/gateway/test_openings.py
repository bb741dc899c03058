"""Edits of budgets: what a balance holds afterwards is what the ledger says, never zero."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from proxy.domain.errors import BudgetExceeded, StoreUnavailable
from proxy.domain.ids import TeamId
from proxy.domain.ledger import EntryKind
from proxy.domain.ledger_events import StoreJudged
from proxy.domain.period import PeriodKind
from proxy.domain.policy import Match
from proxy.gateway.archive import Archive
from proxy.gateway.finance.desk import FinanceDesk
from proxy.gateway.openings import Openings
from proxy.gateway.ports.accounts import Opened, Registered
from proxy.store.ledger import RedisLedger
from proxy.store.registry import RedisAccountRegistry
from tests.builders import MARKETING, a_budget, a_key, a_team
from tests.fakes import RecordingObserver
from tests.gateway.clocks import ShiftedClock, TickingClock
from tests.gateway.harness import (
    KLING_MICRO_USD,
    VEO_MICRO_USD,
    a_video,
    fast_snapshot,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.job import Job
    from proxy.domain.policy import Budget
    from proxy.domain.takeover import Takeover
    from proxy.gateway.ports.archive import LedgerPage
    from tests.gateway.conftest import StageMaker
    from tests.gateway.harness import Stage

DOLLAR = 1_000_000
ORG = "org"
RESEARCH = TeamId("research")


def edit(stage: Stage, *budgets: Budget, org: Sequence[Budget] = ()) -> None:
    """Reload with these budgets of the team (and of the organisation)."""
    stage.reload(fast_snapshot(teams=[a_team(budgets=budgets)], organisation_budgets=org))


async def used(stage: Stage) -> dict[str, tuple[int, int]]:
    """Spent and reserved by budget id."""
    state = (await stage.videos.budget(stage.caller())).state
    return {
        each.balance.budget_id: (each.spent_micro_usd, each.reserved_micro_usd)
        for each in state.balances
    }


async def opened(stage: Stage) -> dict[str, tuple[int, int]]:
    """`used`, once every account is open."""
    await stage.runtime.openings.sync(stage.snapshot)
    return await used(stage)


async def one_spent_one_held(stage: Stage) -> Job:
    """One job is settled, another one waits, with its money held, until somebody works."""
    await stage.made()
    return (await stage.create()).job


async def settled(stage: Stage, job: Job) -> None:
    """Let a waiting job be made."""
    async with stage.working():
        await stage.finished(job)


SPENT_AND_HELD = (KLING_MICRO_USD, KLING_MICRO_USD)


async def test_order_limit_alerts_and_names_keep_the_balance(stage: Stage) -> None:
    await one_spent_one_held(stage)
    edits = (
        a_budget(limit_micro_usd=DOLLAR),
        replace(a_budget(), alert_at_percent=(50, 80)),
        a_budget(id="renamed"),
    )
    for edited in edits:
        edit(stage, a_budget(id="daily", period=PeriodKind.DAY), edited)
        assert SPENT_AND_HELD == (await opened(stage))[edited.id]
    opens = [entry for entry in await stage.ledger() if entry.kind == EntryKind.OPEN]
    assert 1 == len(opens)  # the daily one


@pytest.mark.parametrize(
    "added",
    [
        a_budget(id="new", period=PeriodKind.TOTAL),
        a_budget(id="new", period=PeriodKind.YEAR),
        a_budget(id="new", period=PeriodKind.DAY),
        a_budget(id="new", period=PeriodKind.QUARTER),
        a_budget(id="new", match=Match(model="kling*")),
        a_budget(id="new", match=Match(provider="kling", policy="cheapest")),
    ],
    ids=["total", "year", "day", "quarter", "model", "provider and policy"],
)
async def test_a_new_account_opens_with_what_the_ledger_holds(stage: Stage, added: Budget) -> None:
    await one_spent_one_held(stage)
    edit(stage, a_budget(), added)
    found = await opened(stage)
    assert SPENT_AND_HELD == found["new"]
    assert SPENT_AND_HELD == found["monthly"]


async def test_the_attempt_that_was_held_settles_on_the_new_account(stage: Stage) -> None:
    job = await one_spent_one_held(stage)
    edit(stage, a_budget(id="new", period=PeriodKind.TOTAL))
    await opened(stage)
    await settled(stage, job)
    assert {"new": (2 * KLING_MICRO_USD, 0)} == await used(stage)


async def test_a_match_takes_over_what_it_covers_alone(stage: Stage) -> None:
    await one_spent_one_held(stage)
    await stage.create(replace(a_video(), model="veo-3.1-fast", metadata={"film": "x"}))
    edit(
        stage,
        a_budget(id="veo", match=Match(model="veo*")),
        a_budget(id="film", match=Match(metadata={"film": "x"})),
        a_budget(id="nobody", match=Match(metadata={"film": "y"})),
        org=[a_budget(id="all", scope=ORG)],
    )
    found = await opened(stage)
    everything = (KLING_MICRO_USD, KLING_MICRO_USD + VEO_MICRO_USD)
    assert {
        "veo": (0, VEO_MICRO_USD),
        "film": (0, VEO_MICRO_USD),
        "nobody": (0, 0),
        "all": everything,
    } == found


async def test_a_key_takes_over_its_own(new_stage: StageMaker) -> None:
    stage = new_stage()
    await one_spent_one_held(stage)
    budget = a_budget(id="trial", scope=f"key:{a_key().id}", period=PeriodKind.TOTAL)
    other = a_budget(id="other", scope=f"key:{'x' * 8}", period=PeriodKind.TOTAL)
    stage.reload(fast_snapshot(keys=[replace(a_key(), budgets=(budget, other))]))
    found = await opened(stage)
    assert (SPENT_AND_HELD, (0, 0)) == (found["trial"], found["other"])


async def test_what_a_new_account_would_hold_is_told_before_it_is_opened(stage: Stage) -> None:
    await one_spent_one_held(stage)
    runtime = stage.runtime
    desk = FinanceDesk(
        runtime.live,
        runtime.accounts,
        balances=runtime.balances,
        history=runtime.archive,
        ledger=RedisLedger(stage.client, stage.keys),
    )
    added = (
        a_budget(id="new", period=PeriodKind.QUARTER),
        a_budget(id="veo", match=Match(model="veo*")),
        a_budget(id="all", scope=ORG, period=PeriodKind.TOTAL),
    )
    told = await desk.would_hold({budget.account: "UTC" for budget in added})
    assert () == await desk.would_hold({})
    edit(stage, *added[:2], org=added[2:])
    held = await opened(stage)
    assert held == {
        budget.id: (each.spent_micro_usd, each.held_micro_usd)
        for budget, each in zip(added, told, strict=True)
    }
    assert {"new": SPENT_AND_HELD, "veo": (0, 0), "all": SPENT_AND_HELD} == held


async def test_the_new_account_limits_at_once(stage: Stage) -> None:
    await one_spent_one_held(stage)
    edit(
        stage,
        a_budget(id="tight", period=PeriodKind.TOTAL, limit_micro_usd=3 * KLING_MICRO_USD - 1),
    )
    with pytest.raises(BudgetExceeded) as refused:
        await stage.create()
    assert {"spent": "0.336000", "reserved": "0.336000"}.items() <= refused.value.details.items()


async def test_a_deleted_budget_that_comes_back_has_missed_nothing(stage: Stage) -> None:
    job = await one_spent_one_held(stage)
    edit(stage, a_budget(id="other", period=PeriodKind.DAY))
    await opened(stage)
    await settled(stage, job)
    await settled(stage, await one_spent_one_held(stage))
    edit(stage, a_budget())
    assert {"monthly": (4 * KLING_MICRO_USD, 0)} == await opened(stage)


async def test_a_changed_time_zone_takes_effect_with_the_next_period(
    new_stage: StageMaker,
) -> None:
    clock = ShiftedClock()
    stage = new_stage(clock=clock)
    await one_spent_one_held(stage)
    before = (await stage.videos.budget(stage.caller())).state.balances[0].balance.period
    east = a_budget(timezone=ZoneInfo("Pacific/Kiritimati"))
    edit(stage, east)
    assert {"monthly": SPENT_AND_HELD} == await opened(stage)
    book = stage.runtime.balances
    now = book.of(stage.snapshot, stage.caller().team, stage.caller().key)
    assert before == now[0].period
    clock.ahead_s = (before.end_ms / 1000) - clock.now_s() + 1
    later = book.of(stage.snapshot, stage.caller().team, stage.caller().key)
    assert later[0].period.id != before.id
    assert 14 * 3_600_000 == before.end_ms - later[0].period.start_ms
    again = new_stage(snapshot=stage.snapshot)
    await again.runtime.openings.sync(again.snapshot)
    same = again.runtime.balances.of(again.snapshot, again.caller().team, again.caller().key)
    assert before == same[0].period


async def test_processes_open_an_account_once(new_stage: StageMaker) -> None:
    first = new_stage()
    await one_spent_one_held(first)
    edited = fast_snapshot(teams=[a_team(budgets=[a_budget(id="new", period=PeriodKind.TOTAL)])])
    others = [new_stage(snapshot=edited) for _ in range(4)]
    await asyncio.gather(*(stage.runtime.openings.sync(edited) for stage in others))
    assert {"new": SPENT_AND_HELD} == await used(others[0])
    assert 1 == [entry.kind for entry in await first.ledger()].count(EntryKind.OPEN)


async def test_what_is_archived_is_taken_over_too(stage: Stage) -> None:
    await one_spent_one_held(stage)
    await stage.runtime.archive.close_days(await stage.runtime.accounts.now_ms() + 2 * 86_400_000)
    assert [] == await stage.ledger()
    edit(stage, a_budget(id="new", period=PeriodKind.TOTAL))
    assert {"new": SPENT_AND_HELD} == await opened(stage)


async def test_a_ledger_that_moves_on_is_read_again(stage: Stage) -> None:
    """A process with the old configuration admits while the new one opens its accounts."""
    await one_spent_one_held(stage)
    registry = RedisAccountRegistry(stage.client, stage.keys)
    edit(stage, a_budget(id="new", period=PeriodKind.TOTAL))
    takeovers, as_of = await stage.runtime.openings.read(stage.caller().team.budgets)
    old = stage.snapshot
    stage.reload(fast_snapshot())
    await stage.create()
    account = takeovers[0].balance.account
    stale = await registry.open(account, MARKETING, takeovers[0], timezone="UTC", as_of=as_of)
    assert Opened.STALE is stale
    stage.reload(old)
    assert {"new": (KLING_MICRO_USD, 2 * KLING_MICRO_USD)} == await opened(stage)


async def test_an_attempt_that_ends_meanwhile_counts_as_charged(stage: Stage) -> None:
    job = await one_spent_one_held(stage)
    registry = RedisAccountRegistry(stage.client, stage.keys)
    budget = a_budget(id="new", period=PeriodKind.TOTAL)
    takeovers, as_of = await stage.runtime.openings.read([budget])
    await settled(stage, job)
    done = await registry.open(
        budget.account, MARKETING, takeovers[0], timezone="UTC", as_of=as_of
    )
    assert Opened.NOW is done
    edit(stage, budget)
    assert {"new": (2 * KLING_MICRO_USD, 0)} == await opened(stage)


async def test_another_team_does_not_make_it_stale(new_stage: StageMaker) -> None:
    stage = new_stage()
    await one_spent_one_held(stage)
    registry = RedisAccountRegistry(stage.client, stage.keys)
    budget = a_budget(id="new", scope=f"team:{RESEARCH}", period=PeriodKind.TOTAL)
    takeovers, as_of = await stage.runtime.openings.read([budget])
    await stage.create()
    arguments = (budget.account, RESEARCH, takeovers[0])
    assert Opened.NOW is await registry.open(*arguments, timezone="UTC", as_of=as_of)
    assert Opened.BEFORE is await registry.open(*arguments, timezone="UTC", as_of=as_of)


async def test_without_its_files_nothing_is_admitted(stage: Stage) -> None:
    await one_spent_one_held(stage)
    edit(stage, a_budget(id="new", period=PeriodKind.TOTAL))
    await stage.runtime.archive.close_days(await stage.runtime.accounts.now_ms() + 2 * 86_400_000)
    (file,) = (stage.folder / "ledger").glob("*.jsonl")
    hidden = file.rename(file.with_suffix(".hidden"))
    with pytest.raises(StoreUnavailable, match="files cannot be read"):
        await stage.create()
    hidden.rename(file)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(
            stage.runtime.openings.watch(stage.runtime.live, stage.observer)
        )

        async def is_open() -> bool:
            return await used(stage) == {"new": SPENT_AND_HELD}

        await wait_until(is_open, "the account to be opened")
        watching.cancel()


async def test_a_ledger_that_never_rests_admits_nothing(stage: Stage) -> None:
    """Somebody admits with the old configuration each time between reading and opening."""
    await one_spent_one_held(stage)
    runtime = stage.runtime
    restless = Restless(RedisAccountRegistry(stage.client, stage.keys))
    openings = Openings(
        restless, runtime.accounts, runtime.archive, balances=runtime.balances, clock=runtime.clock
    )
    edited = fast_snapshot(teams=[a_team(budgets=[a_budget(id="new", period=PeriodKind.TOTAL)])])
    with pytest.raises(StoreUnavailable, match="moves on"):
        await openings.ensure(edited)
    restless.is_restless = False
    await openings.ensure(edited)
    await openings.ensure(edited)
    assert 1 == restless.opened


async def test_creates_at_once_open_once(stage: Stage) -> None:
    await asyncio.gather(*(stage.create() for _ in range(4)))
    edit(stage, a_budget(id="new", period=PeriodKind.TOTAL))
    await asyncio.gather(*(stage.create() for _ in range(4)))
    assert {"new": (0, 8 * KLING_MICRO_USD)} == await used(stage)


@dataclass
class Restless:
    """A registry whose ledger has always just moved."""

    registry: RedisAccountRegistry
    is_restless: bool = True
    opened: int = 0

    async def registered(self) -> Mapping[str, Registered]:
        return await self.registry.registered()

    async def open(
        self,
        account: str,
        team: TeamId | None,
        takeover: Takeover,
        *,
        timezone: str,
        as_of: str,
        known: Registered | None = None,
    ) -> Opened:
        if self.is_restless:
            return Opened.STALE
        self.opened += 1
        return await self.registry.open(
            account, team, takeover, timezone=timezone, as_of=as_of, known=known
        )

    async def close(self, accounts: Mapping[str, Registered]) -> None:
        await self.registry.close(accounts)

    async def rezone(self, account: str, known: Registered, following: Registered) -> None:
        await self.registry.rezone(account, known, following)


async def test_how_the_store_is_is_told_when_it_changes(stage: Stage) -> None:
    runtime, clock = stage.runtime, TickingClock()
    for archive, told in ((runtime.archive, 1), (Archive(AwayStream(), runtime.artifacts), 0)):
        openings = Openings(
            RedisAccountRegistry(stage.client, stage.keys),
            runtime.accounts,
            archive,
            balances=runtime.balances,
            clock=clock,
        )
        observer = RecordingObserver()
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(openings.watch(runtime.live, observer))
            await clock.ticked(4)
            watching.cancel()
        assert [StoreJudged(is_whole=True)] * told == observer.of(StoreJudged)


class AwayStream:
    """A stream of a store that does not answer."""

    async def page(self, after_id: str, *, limit: int) -> LedgerPage:
        message = "the store does not answer"
        raise StoreUnavailable(message)

    async def trim(self, last_id: str, *, before_ms: int) -> bool:
        raise AssertionError(last_id)

    async def adopt(self, trimmed_id: str) -> str:
        raise AssertionError(trimmed_id)
