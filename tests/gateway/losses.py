"""The loss of a store, and of all that was not in the ledger's files; older copies of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from typing_extensions import override

from proxy.domain.errors import StoreUnavailable
from proxy.gateway.ports.restore import Outlook
from proxy.gateway.restore.desk import RestoreDesk, Wanted
from proxy.store.controls import RedisControls
from proxy.store.ledger import RedisLedger
from proxy.store.repairs import RedisRepairs
from tests.builders import a_budget, a_team
from tests.gateway.harness import KLING_MICRO_USD, fast_snapshot
from tests.job_builders import a_mandate

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from proxy.domain.ids import AttemptId, TeamId
    from proxy.domain.job import Job
    from proxy.domain.ledger import Entry
    from proxy.domain.policy import Snapshot
    from proxy.domain.proof import Sums
    from proxy.domain.recovery import End, Lift
    from proxy.gateway.ports.ledger import Mandate, NotPosted, Posted
    from proxy.gateway.restore.desk import Restored
    from proxy.store.client import Client
    from tests.gateway.harness import Stage

TWO_DAYS_MS = 2 * 86_400_000
CHARGE = Wanted(outlook=Outlook.CHARGE)
RELEASE = Wanted(outlook=Outlook.RELEASE)


class Died(Exception):
    """The process was killed here."""


async def archive_everything(stage: Stage) -> None:
    """Have every entry so far in a file, as if its day were over."""
    await stage.runtime.archive.close_days(await stage.runtime.accounts.now_ms() + TWO_DAYS_MS)


async def lose_store(stage: Stage) -> None:
    """Archive everything, then lose the store."""
    await archive_everything(stage)
    await stage.client.call(("FLUSHALL",))


async def copy_of(client: Client) -> dict[str, bytes]:
    """Every key, as a backup has it."""
    names = [name.decode() for name in await client.read(("KEYS", "*"))]
    return {name: await client.call(("DUMP", name)) for name in names}


async def put_back(client: Client, copy: Mapping[str, bytes]) -> None:
    """Replace the store by an older copy."""
    await client.call(("FLUSHALL",))
    for name, content in copy.items():
        await client.call(("RESTORE", name, 0, content))


def desk_of(stage: Stage, repairs: Repairing | None = None) -> RestoreDesk:
    """The use case over a stage."""
    ledger = RedisLedger(stage.client, stage.keys)
    controls = RedisControls(stage.client, stage.keys, ledger)
    return RestoreDesk(stage.runtime, repairs or repairs_of(stage), ledger, controls)


def three_videos() -> Snapshot:
    """A team that can pay for three videos, in an organisation that counts them too."""
    team = a_team(budgets=[a_budget(limit_micro_usd=3 * KLING_MICRO_USD)])
    everybody = a_budget(id="all", scope="org", limit_micro_usd=10**9)
    return fast_snapshot(teams=[team], organisation_budgets=[everybody])


async def restore(stage: Stage, wanted: Wanted = CHARGE) -> Restored:
    """Restore the store of a stage."""
    return await desk_of(stage).restore(wanted, a_mandate())


def repairs_of(stage: Stage) -> Repairing:
    """Repairs that go on for ever."""
    ledger = RedisLedger(stage.client, stage.keys)
    return Repairing(RedisRepairs(stage.client, stage.keys, ledger))


@dataclass
class Repairing:
    """Repairs that are killed after so many changes, each of them done."""

    inner: RedisRepairs
    changes_left: int = 1_000_000

    async def balances(self) -> tuple[str, Mapping[str, Sums]]:
        return await self.inner.balances()

    async def rebuild(
        self, team: TeamId | None, sums: Mapping[str, Sums], lifts: Sequence[Lift], *, as_of: str
    ) -> bool:
        done = await self.inner.rebuild(team, sums, lifts, as_of=as_of)
        self._changed()
        return done

    async def unfinished(self) -> Sequence[Job]:
        return await self.inner.unfinished()

    async def recorded(self, attempts: Collection[AttemptId]) -> frozenset[AttemptId]:
        return await self.inner.recorded(attempts)

    async def end_lost(
        self, reserve: Entry, outlook: Outlook, mandate: Mandate
    ) -> Posted | NotPosted:
        ended = await self.inner.end_lost(reserve, outlook, mandate)
        self._changed()
        return ended

    async def overtake(self, job: Job, end: End) -> bool:
        noted = await self.inner.overtake(job, end)
        self._changed()
        return noted

    def _changed(self) -> None:
        self.changes_left -= 1
        if not self.changes_left:
            raise Died


class MovingOn(Repairing):
    """Somebody admits a job just before the first change."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(repairs_of(stage).inner)
        self._stage: Stage | None = stage

    @override
    async def rebuild(
        self, team: TeamId | None, sums: Mapping[str, Sums], lifts: Sequence[Lift], *, as_of: str
    ) -> bool:
        stage, self._stage = self._stage, None
        if stage is not None:
            await stage.create()
        return await super().rebuild(team, sums, lifts, as_of=as_of)


class Restless(Repairing):
    """The ledger moves on whenever something is to be changed."""

    @override
    async def rebuild(
        self, team: TeamId | None, sums: Mapping[str, Sums], lifts: Sequence[Lift], *, as_of: str
    ) -> bool:
        return await super().rebuild(team, sums, lifts, as_of="1-1")


class Stale(Repairing):
    """Every job has moved on since it was read."""

    @override
    async def unfinished(self) -> Sequence[Job]:
        return [replace(job, fence=job.fence + 1) for job in await super().unfinished()]


class Fenced(Repairing):
    """Somebody takes each job up just after its end was noted."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(repairs_of(stage).inner)
        self._stage = stage

    @override
    async def overtake(self, job: Job, end: End) -> bool:
        noted = await super().overtake(job, end)
        await self._stage.client.call(("HINCRBY", self._stage.keys.job(job.id), "f", 1))
        return noted


class Busy(Repairing):
    """Somebody admits a job as soon as the balances are read."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(repairs_of(stage).inner)
        self._stage = stage

    @override
    async def balances(self) -> tuple[str, Mapping[str, Sums]]:
        found = await super().balances()
        await self._stage.create()
        return found


class Forgetful(Repairing):
    """Says of no attempt that its job's record knows of it."""

    @override
    async def recorded(self, attempts: Collection[AttemptId]) -> frozenset[AttemptId]:
        return frozenset()


class Early:
    """A store's clock that stands at the beginning of time."""

    async def now_ms(self) -> int:
        return 0


class Away:
    """A store that does not answer."""

    async def now_ms(self) -> int:
        message = "the store does not answer"
        raise StoreUnavailable(message)
