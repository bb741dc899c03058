"""Providers that list what they have made, and stages that look through it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from proxy.domain.orphan import Fate, Listed
from proxy.domain.orphan_rule import OrphanRule, OrphanTimes
from proxy.gateway.orphan_watch import OrphanWatch
from proxy.gateway.orphans import OrphanDesk
from proxy.store.ledger import RedisLedger
from proxy.store.looks import RedisLooks
from proxy.store.repairs import RedisRepairs
from tests.builders import KLING, VERTEX, a_budget, an_account
from tests.fakes import FindingProvider, ScriptedProvider
from tests.gateway.harness import fast_engine, fast_provider, fast_snapshot
from tests.job_builders import a_job_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from proxy.domain.errors import ProviderError
    from proxy.domain.policy import Snapshot
    from tests.gateway.harness import Stage

TIMES = OrphanTimes(every_s=3600.0, grace_s=0.0, back_s=86_400.0)
LOST = f"{a_job_id(77)}-1"
"""An attempt that nobody knows of."""
PRICE_MICRO_USD = 336_000


@dataclass
class ListingProvider(FindingProvider):
    """Lists what it is told to, each time; `lists_attempts` as an attribute."""

    lists: list[Listed] = field(default_factory=list)
    refusal: ProviderError | None = None
    lists_attempts: bool = True
    asked_since_s: list[float] = field(default_factory=list)

    async def list_operations(self, *, since_s: float) -> AsyncIterator[Listed]:
        self.asked_since_s.append(since_s)
        for each in self.lists:
            yield each
        if self.refusal is not None:
            raise self.refusal


@dataclass
class ListingStranger(ScriptedProvider):
    """A list that does not tell whose anything is."""

    lists: list[Listed] = field(default_factory=list)
    lists_attempts: bool = False

    async def list_operations(self, *, since_s: float) -> AsyncIterator[Listed]:
        for each in self.lists:
            yield each


def looking(
    *,
    kling: OrphanRule = OrphanRule.NAMED,
    vertex: OrphanRule = OrphanRule.NAMED,
    times: OrphanTimes = TIMES,
) -> Snapshot:
    """A configuration with these rules, whose organisation counts everything."""
    accounts = {
        name: (replace(an_account(), orphans=rule),)
        for name, rule in ((KLING, kling), (VERTEX, vertex))
    }
    return fast_snapshot(
        engine=replace(fast_engine(), orphans=times),
        providers=[fast_provider(name, accounts=own) for name, own in accounts.items()],
        organisation_budgets=[a_budget(id="all", scope="org", limit_micro_usd=10**9)],
    )


async def a_listed(stage: Stage, task: str = "t-1", *, ago_s: float = 1.0) -> Listed:
    """A finished task that bears the id of a lost attempt, with the vendor's own price."""
    now_ms = await stage.runtime.accounts.now_ms()
    return Listed(
        task=task,
        created_at_ms=now_ms - int(ago_s * 1000),
        fate=Fate.MADE,
        external_id=LOST,
        charge_micro_usd=PRICE_MICRO_USD,
    )


def desk_of(stage: Stage) -> OrphanDesk:
    ledger = RedisLedger(stage.client, stage.keys)
    repairs = RedisRepairs(stage.client, stage.keys, ledger)
    return OrphanDesk(stage.runtime, ledger, repairs.unfinished)


def watch_of(stage: Stage) -> OrphanWatch:
    return OrphanWatch(stage.runtime, desk_of(stage), RedisLooks(stage.client, stage.keys))
