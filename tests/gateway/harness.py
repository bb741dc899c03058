"""The gateway put together over a real store, as the composition root does it, for one test."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.app.clock import Bell, SystemClock
from proxy.domain.ids import JobId
from proxy.domain.job import JobState
from proxy.domain.policy import PollTimes
from proxy.domain.video import VideoJob
from proxy.gateway.balances import BalanceBook
from proxy.gateway.conditions import ConditionsBook
from proxy.gateway.health import HealthBook
from proxy.gateway.live import Current, Live
from proxy.gateway.render_times import LearnedTimes
from proxy.gateway.success import LearnedSuccess
from proxy.gateway.videos import Videos
from proxy.gateway.views import Caller
from proxy.gateway.waiting import Waiters
from proxy.gateway.worker import Worker
from proxy.store.health import RedisHealth
from proxy.store.keys import Keys, slots
from proxy.store.ledger import RedisLedger
from tests.builders import (
    KLING,
    MARKETING,
    OPENAI,
    VERTEX,
    a_key,
    a_provider,
    a_snapshot,
    an_engine,
)
from tests.fakes import (
    FakeAddresses,
    FindingProvider,
    RecordingObserver,
    ScriptedProvider,
    ScriptedProviders,
)
from tests.gateway.brief import Entry, brief
from tests.gateway.closures import Closures
from tests.gateway.composition import compose
from tests.gateway.outages import LostHints, Script, lossy
from tests.gateway.shelf import Shelf
from tests.job_builders import a_request, fingerprint_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from proxy.domain.engine import Engine
    from proxy.domain.ids import ProviderName
    from proxy.domain.job import Job
    from proxy.domain.policy import Account, ApiKey, Budget, Offer, Provider, Snapshot, Team
    from proxy.domain.routing import RoutingPolicy
    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.views import JobView, Patience
from proxy.store.client import Client

DEADLINE_S = 8.0
DRAIN_S = 0.1
KLING_MICRO_USD = 336_000
"""The first candidate of `a_video`: kling-3.0, 4 s at $0.084."""
VEO_MICRO_USD = 400_000
"""The second candidate of `a_video`: veo-3.1-fast, 4 s with sound at $0.10."""
ARTIFACT_BYTES_MAX = 1024


def a_video() -> VideoJob:
    """A request of which Kling (first) and Vertex are the candidates."""
    return a_request(seconds=4)


def fast_engine() -> Engine:
    """The worker's settings with durations of hundredths of a second."""
    return replace(
        an_engine(look_up_after_s=(0.02, 0.04)),
        lease_s=5.0,
        tick_s=0.02,
        concurrency=16,
        max_queue_wait_s=5.0,
        upkeep_every_s=0.05,
        archive_after_s=86_400.0,
        throttle_wait_s=0.02,
        retry_wait_s=0.01,
        breaker_cache_s=0.05,
    )


def fast_provider(
    name: ProviderName,
    *,
    accounts: Sequence[Account] | None = None,
    give_up_after_s: float = 60.0,
    poll: PollTimes | None = None,
) -> Provider:
    """A provider that is polled every few hundredths of a second."""
    often = PollTimes(first_s=0.01, min_s=0.01, max_s=0.02)
    provider = a_provider(name, accounts=accounts, poll=poll or often)
    return replace(provider, give_up_after_s=give_up_after_s, submit_timeout_s=1.0)


def fast_snapshot(
    *,
    engine: Engine | None = None,
    providers: Sequence[Provider] = (),
    teams: Sequence[Team] = (),
    keys: Sequence[ApiKey] = (),
    offers: Sequence[Offer] | None = None,
    organisation_budgets: Sequence[Budget] = (),
    policies: Sequence[RoutingPolicy] = (),
) -> Snapshot:
    """The world of `tests.builders` with a fast engine and fast polls."""
    given = {provider.name: provider for provider in providers}
    known = {name: given.get(name) or fast_provider(name) for name in (KLING, VERTEX, OPENAI)}
    return a_snapshot(
        engine=engine or fast_engine(),
        providers=list(known.values()),
        teams=teams or None,
        keys=keys or None,
        offers=offers,
        organisation_budgets=organisation_budgets,
        policies=policies or None,
        artifact_bytes_max=ARTIFACT_BYTES_MAX,
    )


async def wait_until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something holds; fails after DEADLINE_S."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not await holds():
                await asyncio.sleep(0.003)
    except TimeoutError as error:
        message = f"still waiting for: {what}"
        raise AssertionError(message) from error


class Stage:
    """One process of the product: a runtime over the store, its use cases, and a worker to run.

    Stages made from the same client share a store; give them the same providers to share these.
    """

    def __init__(
        self,
        client: Client,
        folder: Path,
        *,
        snapshot: Snapshot | None = None,
        clock: Clock | None = None,
        kling: ScriptedProvider | None = None,
        vertex: ScriptedProvider | None = None,
    ) -> None:
        self.client = client
        self.folder = folder
        self.kling = kling or FindingProvider()
        self.vertex = vertex or ScriptedProvider()
        self.adapters: dict[tuple[str, str], VideoProvider] = {
            (KLING, "main"): self.kling,
            (VERTEX, "main"): self.vertex,
        }
        self.observer = RecordingObserver()
        self.render_times = LearnedTimes()
        self.waiters = Waiters()
        self.addresses = FakeAddresses()
        self.reports: list[tuple[str, Exception]] = []
        self.turns, self.may_report = 0, False
        self.bell = Bell()
        self.shelf = Shelf()
        self.keys = Keys()
        self.clock = clock or SystemClock()
        self.live = Live(self._current(snapshot or fast_snapshot()))
        self.balances = BalanceBook(self.clock)
        self.health = HealthBook(
            self.live,
            self.balances,
            self.observer,
            random=lambda: 0.5,
            random_bytes=os.urandom,
        )
        self.success = LearnedSuccess(self.clock)
        self.closures = Closures(ConditionsBook(self.render_times, self.success, self.health))
        self.runtime = compose(self)

    def _current(self, snapshot: Snapshot) -> Current:
        return Current(snapshot=snapshot, providers=ScriptedProviders(self.adapters))

    @property
    def book(self) -> RedisLedger:
        """The ledger, with what persons change."""
        return RedisLedger(self.client, self.keys)

    @property
    def videos(self) -> Videos:
        """The use cases."""
        return Videos(self.runtime)

    @property
    def snapshot(self) -> Snapshot:
        """The configuration in force."""
        return self.runtime.live.snapshot

    def reload(self, snapshot: Snapshot) -> None:
        """Put another configuration in force, with a digest of its own."""
        self.runtime.live.replace(self._current(replace(snapshot, digest=os.urandom(8).hex())))

    def lossy(self) -> Script:
        """Let the worker's store go away as the script that is returned will say."""
        script = Script()
        self.may_report = True
        self.runtime = lossy(self.runtime, script)
        return script

    def lossy_hints(self) -> None:
        """Let no hint reach the store."""
        self.runtime = replace(self.runtime, hints=LostHints())

    def caller(self) -> Caller:
        """The team's key."""
        return Caller(key=self.snapshot.keys[a_key().id], team=self.snapshot.teams[MARKETING])

    async def create(
        self,
        request: VideoJob | None = None,
        *,
        idempotency_key: str | None = None,
        sdk_try: int = 0,
        patience: Patience | None = None,
        job_id: JobId | None = None,
    ) -> JobView:
        """Create a video, `a_video` if nothing else is asked for."""
        asked = request or a_video()
        return await self.videos.create(
            self.caller(),
            asked,
            fingerprint=fingerprint_of(asked),
            idempotency_key=idempotency_key,
            sdk_try=sdk_try,
            patience=patience,
            job_id=job_id,
        )

    @asynccontextmanager
    async def working(self, *, dies: bool = False) -> AsyncIterator[Worker]:
        """A worker until the block ends; then it drains for a moment, unless it dies at once.

        What it reports is kept in `reports`.
        """
        async with asyncio.TaskGroup() as group:
            worker, bell = self.worker(), Bell()
            board = RedisHealth(self.client, self.keys)
            listening = self.health.watch(board, woken=bell.wait, wake=bell.ring)
            running, chore = group.create_task(worker.run()), group.create_task(listening)
            try:
                yield worker
                if not dies:
                    worker.drain()
                    await asyncio.wait((running,), timeout=DRAIN_S)
            finally:
                running.cancel()
                chore.cancel()

    def worker(self) -> Worker:
        """A worker of this process that does not run yet."""
        return Worker(
            self.runtime,
            woken=self._woken,
            report=lambda what, error: self.reports.append((what, error)),
        )

    async def _woken(self, seconds: float) -> None:
        self.turns += 1
        await self.bell.wait(seconds)

    async def turned(self, count: int = 3) -> None:
        """Wait until the worker has made so many turns more."""
        goal = self.turns + count

        async def there() -> bool:
            return self.turns >= goal

        await wait_until(there, f"{count} turns of the worker")

    async def exchange(self) -> None:
        """Tell the shared breakers what was heard here, and read how they stand."""
        await self.health.exchange(RedisHealth(self.client, self.keys))

    async def load(self, job: Job | JobId) -> Job:
        """A job as the store has it now."""
        found = await self.runtime.jobs.load(job if isinstance(job, str) else job.id)
        assert found is not None
        return found

    async def reached(self, job: Job, *states: JobState) -> Job:
        """Wait until a job is in one of some states; a terminal one ends the wait too."""
        latest = job

        async def there() -> bool:
            nonlocal latest
            latest = await self.load(job)
            return latest.state in states or latest.state.is_terminal

        await wait_until(there, f"{job.id} in {states}")
        assert latest.state in states, (latest.state, latest.error)
        return latest

    async def finished(self, job: Job) -> Job:
        """Wait until a job has ended."""
        terminal = tuple(state for state in JobState if state.is_terminal)
        return await self.reached(job, *terminal)

    async def made(self, request: VideoJob | None = None, *, job_id: JobId | None = None) -> Job:
        """Create a video and see it to its end with a worker of our own."""
        view = await self.create(request, job_id=job_id)
        async with self.working():
            return await self.finished(view.job)

    async def money(self) -> tuple[int, int]:
        """Spent and reserved of the team's first balance, in micro-USD."""
        caller = self.caller()
        balances = self.runtime.balances.of(self.snapshot, caller.team, caller.key)
        state = await self.runtime.accounts.team_state(MARKETING, balances, ())
        return state.balances[0].spent_micro_usd, state.balances[0].reserved_micro_usd

    async def open_jobs(self) -> tuple[int, int]:
        """Unfinished and running jobs of the team."""
        state = await self.runtime.accounts.team_state(MARKETING, (), ())
        return state.open_jobs, state.running_jobs

    async def ledger(self) -> list[Entry]:
        """The ledger in order."""
        entries = RedisLedger(self.client, self.keys).entries()
        return [brief(entry) async for entry in entries]

    async def slots(self, provider: ProviderName = KLING, account: str = "main") -> int:
        """How many slots of an account are held."""
        return int(await self.client.read(("ZCARD", slots(provider, account))))

    def artifacts(self) -> list[str]:
        """Names of the finished videos on disk."""
        return sorted(path.name for path in self.folder.glob("videos/*/*") if path.is_file())

    async def check_books(self) -> None:
        """Every law of the ledger holds."""
        found = await self.runtime.archive.verify(RedisLedger(self.client, self.keys))
        assert () == found.violations
