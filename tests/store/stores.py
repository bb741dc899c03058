"""Everything the store offers on one client, and commands to try it with."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from proxy.domain.balance import Balance, Bid
from proxy.domain.bucket import Bucket, no_refill
from proxy.domain.errors import StoreUnavailable
from proxy.domain.ids import TeamId
from proxy.domain.job import JobState
from proxy.domain.period import FOREVER_MS, Period
from proxy.domain.policy import ORGANISATION, OnExceed
from proxy.domain.video import Artifact
from proxy.gateway.ports.admission import Accepted, AdmitCommand
from proxy.store.accounts import RedisAccounts
from proxy.store.admission import RedisAdmission
from proxy.store.health import RedisHealth
from proxy.store.hints import RedisHints
from proxy.store.jobs import RedisJobs
from proxy.store.keys import Keys
from proxy.store.ledger import RedisLedger
from proxy.store.lines import RedisLines
from proxy.store.notices import RedisBulletin
from proxy.store.outbox import RedisOutbox
from proxy.store.samples import RedisSamples
from proxy.store.slots import RedisSlots
from proxy.store.work import RedisWork
from tests.builders import MARKETING, a_key
from tests.fakes import RecordingObserver
from tests.job_builders import a_job, a_job_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.job import Job
    from proxy.store.client import Client

RETENTION_S = 90 * 24 * 3600
TEAM_SCOPE = f"team:{MARKETING}"
DOLLAR = 1_000_000
KEY = a_key().id
FIRST_ATTEMPT = f"{a_job_id()}-1"


@dataclass(frozen=True)
class Store:
    """One client with everything on it."""

    client: Client
    keys: Keys
    observer: RecordingObserver
    admission: RedisAdmission
    jobs: RedisJobs
    work: RedisWork
    lines: RedisLines
    slots: RedisSlots
    accounts: RedisAccounts
    ledger: RedisLedger
    render_times: RedisSamples
    health: RedisHealth
    hints: RedisHints
    bulletin: RedisBulletin
    outbox: RedisOutbox

    @classmethod
    def on(cls, client: Client) -> Store:
        """Build everything on a client."""
        keys, observer = Keys(), RecordingObserver()
        return cls(
            client=client,
            keys=keys,
            observer=observer,
            admission=RedisAdmission(client, keys),
            jobs=RedisJobs(client, keys, retention_s=retention_s),
            work=RedisWork(client, keys, retention_s=retention_s, observer=observer),
            lines=RedisLines(client, keys, observer=observer),
            slots=RedisSlots(client),
            accounts=RedisAccounts(client, keys),
            ledger=RedisLedger(client, keys),
            render_times=RedisSamples(client, keys.renders()),
            health=RedisHealth(client, keys),
            hints=RedisHints(client, keys),
            bulletin=RedisBulletin(client, keys),
            outbox=RedisOutbox(client, keys),
        )

    async def admitted(self, command: AdmitCommand | None = None) -> Job:
        """Admit a job, which must be accepted."""
        result = await self.admission.admit(command or a_command())
        assert isinstance(result, Accepted), result
        return result.job

    async def begun(self, job: Job, *, lease_s: float = 30.0) -> Job:
        """Begin a queued job's attempt, which must work."""
        begun = await self.work.begin(job, account="main", running_max=100, lease_s=lease_s)
        assert not isinstance(begun, str), begun
        return begun

    async def running(self, job: Job | None = None, *, due_in_s: float = 0.0) -> Job:
        """A job whose operation the provider has accepted, as a task of its own."""
        before = await self.begun(job or await self.admitted())
        task = "t-1" if before.attempt_id == FIRST_ATTEMPT else f"t-{before.attempt_id}"
        attempt = replace(before.attempt, operation={"task_id": task})
        after = replace(before, state=JobState.RUNNING, attempts=(*before.attempts[:-1], attempt))
        return await self.work.commit(before, after, due_in_s=due_in_s)

    async def waiting(self, limit: int = 10) -> list[Job]:
        """The first jobs of each line that may be dispatched."""
        states = await self.lines.read(dict.fromkeys(await self.lines.counts(), limit))
        jobs = [
            await self.lines.load(place.job, state.line)
            for state in states
            for place in state.places
        ]
        return [job for job in jobs if job is not None]

    async def cancelled(self, job: Job, *, is_forgotten: bool) -> Job:
        """A job as a cancel leaves it behind."""
        return (await self.jobs.cancel(job, is_forgotten=is_forgotten)).job

    async def used(self, *balances: Balance) -> list[tuple[int, int]]:
        """Spent and reserved of balances, in micro-USD."""
        state = await self.accounts.team_state(MARKETING, balances, ())
        return [(each.spent_micro_usd, each.reserved_micro_usd) for each in state.balances]


def retention_s(team: TeamId) -> int:
    """Every team's retention."""
    del team
    return RETENTION_S


def a_balance(
    limit_micro_usd: int = 100 * DOLLAR,
    *,
    id: str = "monthly",  # noqa: A002 - the field's name
    scope: str = TEAM_SCOPE,
    on_exceed: OnExceed = OnExceed.DENY,
    start_ms: int = 0,
    end_ms: int = FOREVER_MS,
) -> Balance:
    """A balance in a period that holds now, unless told otherwise."""
    return Balance(
        budget_id=id,
        scope=scope,
        account=f"{scope}|{id}",
        period=Period(id="now", start_ms=start_ms, end_ms=end_ms),
        limit_micro_usd=limit_micro_usd,
        on_exceed=on_exceed,
    )


def an_organisation_balance(limit_micro_usd: int = 1000 * DOLLAR) -> Balance:
    return a_balance(limit_micro_usd, id="all", scope=ORGANISATION)


def a_key_balance(limit_micro_usd: int = 50 * DOLLAR) -> Balance:
    return a_balance(limit_micro_usd, id="key", scope="key:k7f3q2ab")


def a_bucket(capacity: int = 20, *, name: str = "submit") -> Bucket:
    """A bucket that does not refill while a test runs."""
    return Bucket(name=name, limit=no_refill(capacity))


def bids_on(job: Job, balances: Sequence[Balance]) -> tuple[Bid, ...]:
    """Bids of every candidate, each counted by every balance."""
    counted = tuple(range(len(balances)))
    return tuple(
        Bid(candidate=place, quote_micro_usd=candidate.quote_micro_usd, balances=counted)
        for place, candidate in enumerate(job.plan.candidates)
    )


def a_command(
    number: int = 0,
    *,
    job: Job | None = None,
    balances: Sequence[Balance] | None = None,
    bids: Sequence[Bid] | None = None,
    buckets: Sequence[Bucket] | None = None,
    queued_max: int = 500,
    idempotency_key: str | None = None,
    sdk_try: int = 0,
) -> AdmitCommand:
    """A create of the number-th job; the default budgets and buckets have room for it."""
    job = job or a_job(id=a_job_id(number), attempts=())
    if balances is None:
        balances = (a_key_balance(), a_balance(), an_organisation_balance())
    return AdmitCommand(
        job=job,
        bids=tuple(bids) if bids is not None else bids_on(job, balances),
        balances=tuple(balances),
        buckets=(a_bucket(),) if buckets is None else tuple(buckets),
        queued_max=queued_max,
        idempotency_key=idempotency_key,
        sdk_try=sdk_try,
    )


def an_artifact() -> Artifact:
    return Artifact(sha256="ab" * 32, size_bytes=123_456, media_type="video/mp4")


async def until_back(client: Client) -> None:
    """Wait until a client has connected again."""
    async with asyncio.timeout(3):
        while True:
            with suppress(StoreUnavailable):
                await client.read(("PING",))
                return
            await asyncio.sleep(0.005)
