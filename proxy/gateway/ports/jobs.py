"""Jobs as the store keeps them: reading, queues, leases, fences, and the steps that move money."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from proxy.domain.turn import TURN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.balance import Balance, Bid
    from proxy.domain.bucket import Bucket, BucketState, RateLimit
    from proxy.domain.ids import AttemptId, JobId, KeyId, ProviderName, TeamId
    from proxy.domain.job import Job, JobState, PublicStatus
    from proxy.domain.moderation import Moderation
    from proxy.gateway.ports.admission import PeriodMoved
    from proxy.gateway.ports.ledger import Mandate


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a team's jobs, and whether there are more.

    `last` is where the next page begins: after the last job of this one, or of those that were
    looked at for it. None when nothing was.
    """

    jobs: tuple[Job, ...]
    has_more: bool
    last: JobId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which jobs are looked for: of one team (None: of all), in one state, created since (ms)."""

    team: TeamId | None = None
    state: JobState | None = None
    since_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """A job as it stands after a cancel. `has_ended_it`: it was this very cancel that ended it."""

    job: Job
    has_ended_it: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """As much of a job as tells whether its client would see anything new.

    `is_over` holds for jobs that ended, were cancelled, or are gone; `mark` is
    `domain.job.mark`, or "" of a job that is gone.
    """

    is_over: bool
    mark: str


class Jobs(Protocol):
    """Reading jobs, and the changes a client may ask for; other teams' jobs do not exist."""

    async def read(
        self, team: TeamId, job: JobId, buckets: Sequence[Bucket], *, key: KeyId
    ) -> tuple[Job | None, tuple[BucketState, ...]]:
        """Spend a token of each bucket and read a job in the same round trip.

        When a bucket refuses (retry_after_us > 0) the job is not read. Raises Unauthenticated
        when the API key was revoked.
        """

    async def load(self, job: JobId) -> Job | None:
        """Read a job of any team without spending anything."""

    async def glimpses(self, jobs: Sequence[JobId]) -> Mapping[JobId, Glimpse]:
        """What clients would see of these jobs, of each one that is asked for.

        Read together, in one round trip, without spending anything.
        """

    async def spend(
        self, team: TeamId, buckets: Sequence[Bucket], *, key: KeyId
    ) -> tuple[BucketState, ...]:
        """Spend a token of each bucket, or none. Raises Unauthenticated: the key was revoked."""

    async def spend_as_admin(self, buckets: Sequence[Bucket]) -> tuple[BucketState, ...]:
        """The same for buckets that are no team's."""

    async def mark_fetched(self, job: Job) -> None:
        """Note that a client has read the job by its id; SDK retries no longer replay it."""

    async def page(
        self,
        team: TeamId,
        *,
        after: JobId | None,
        limit: int,
        is_ascending: bool,
        status: PublicStatus | None,
    ) -> Page:
        """The team's jobs by creation time; an unknown `after` starts from the beginning.

        With `status` only such jobs; thousands that are of another make a page with fewer jobs
        than asked for, or none, that has more all the same.
        """

    async def cancel(
        self, job: Job, *, is_forgotten: bool, mandate: Mandate | None = None
    ) -> Cancelled:
        """Cancel: a queued job is released and ends cancelled; another unfinished one is flagged.

        With `is_forgotten` the record is hidden from its team too, and forgets what was sent for
        it: words and pictures. A terminal job is unchanged otherwise. `mandate` is that of an
        administrator; it goes on record if that cancels it.
        """

    async def expire(self, now_ms: int) -> int:
        """Remove the records of jobs that ended longer ago than their team keeps them.

        Each record goes by itself when its time is over; this follows a time that was shortened
        since. Returns how many went, with those that had gone and stood in a list still.
        """


class JobSearch(Protocol):
    """Looking for jobs of any team, for administrators."""

    async def find(self, sought: Sought, *, after: JobId | None, limit: int) -> Page:
        """Jobs that are sought, newest first; an unknown `after` starts from the newest.

        Jobs that their team has deleted are left out. Thousands that are not sought make a short
        page that has more. Raises StoreUnavailable.
        """


class NotBegun(StrEnum):
    """Why a dispatch went no further."""

    TAKEN = "taken"
    """Somebody else has it, or it ended."""
    TEAM_FULL = "team_full"
    """Its team runs all it may."""
    FROZEN = "frozen"
    DRAINED = "drained"
    """A person has stopped new jobs there, and it can go nowhere else."""
    NO_SLOT = "no_slot"
    """No account that it may go to has a slot, or a token of its rate, to give."""


class LostLease(Exception):
    """Another worker holds the job now, or it moved on; what was learned is theirs to learn."""


class AlreadyEnded(LostLease):
    """The job has ended; its first resolution stands, and whoever made it tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """Resolve the current attempt by charging it; `by` says what the amount rests on."""

    charged_micro_usd: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Resolve the current attempt without a charge; `by` says why."""

    by: str


Resolve = Settle | Release


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAttempt:
    """What a failed attempt may go on with: the remaining bids in order, and who counts them."""

    bids: tuple[Bid, ...]
    balances: tuple[Balance, ...]


class Work(Protocol):
    """The worker's side of the store: queues, leases, fences, and changes of state and money."""

    async def due(self, limit: int) -> tuple[list[JobId], float | None]:
        """Ids of jobs whose step is due, and seconds until the next after them (None: no more)."""

    async def claim(self, jobs: Sequence[JobId], *, lease_s: float) -> list[Job]:
        """Lease due jobs to this worker, raising their fences; those taken by others are out."""

    async def begin(
        self, job: Job, *, account: str, running_max: int, lease_s: float, cost: int = TURN
    ) -> Job | NotBegun:
        """Write the intent to submit the current attempt at an account, leased and fenced.

        queued -> submitting; TAKEN when the job is no longer queued, TEAM_FULL when its team
        already has `running_max` jobs under way. It is the turn of the job's line, whose virtual
        time moves on by `cost`.
        """

    async def commit(
        self, before: Job, after: Job, *, due_in_s: float, keeps_lease: bool = False
    ) -> Job:
        """Store a step that moves no money. Raises LostLease.

        With `keeps_lease` the caller goes on with the job: no hint cuts `due_in_s` short.
        `after.state` queued puts the job back in its team's queue. Returns the job as stored,
        with a cancel that came in between.
        """

    async def finish(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        *,
        mandate: Mandate | None = None,
        strike: Moderation | None = None,
    ) -> Job:
        """Resolve the current attempt and end the job, in one step. Raises LostLease.

        A job with a requested cancel ends as cancelled whatever `after.state` says. A job that
        has ended keeps its first resolution, and raises AlreadyEnded. `mandate` is that of a
        person who decided it; it goes on record with the end. With a `strike` the content was
        refused, which counts once against the job's key, by that rule.
        """

    async def fail_over(
        self,
        before: Job,
        after: Job,
        resolve: Resolve,
        following: NextAttempt,
        *,
        wait_s: float,
        or_stay: bool = False,
    ) -> Job | PeriodMoved | None:
        """Resolve the current attempt, then reserve the first bid that fits and go back to queued.

        If none fits, or a cancel was requested, end the job as `after` says (stopped by the
        budget). With `or_stay`, where none fits nothing is done, and the answer is None. Raises
        LostLease.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a submit must pass beside taking a slot: the circuit breakers of these names.

    `digest` is the configuration's: a model is gone in one of them. In a panic a breaker that is
    open keeps nobody out.
    """

    doors: tuple[str, ...]
    digest: str
    is_panic: bool = False


class NoSlot(StrEnum):
    """Why no slot was taken."""

    FULL = "full"
    NO_TOKEN = "no_token"  # noqa: S105 - of a bucket
    SHUT = "shut"
    """A breaker is open, or another attempt is its probe."""
    RESTING = "resting"
    """The provider asked for a rest."""
    GONE = "gone"
    """The provider has said that the model is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """Outcome of asking for a slot: taken, or why not and how long to wait (0 = no telling).

    `is_new`: it was taken by this, not renewed. `probes` are the doors that wait for what becomes
    of this attempt.
    """

    is_taken: bool
    is_new: bool = False
    wait_s: float = 0.0
    why: NoSlot | None = None
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotUse:
    """How many slots of an account are held, and how long until its submit bucket is full."""

    held: int
    full_in_us: int = 0


class Slots(Protocol):
    """Leased slots of provider accounts, keyed by attempt; taking one again renews it."""

    async def look(self, provider: ProviderName, account: str) -> SlotUse:
        """See how an account stands; nothing is taken."""

    async def take(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        slots: int,
        submit: RateLimit | None,
        lease_s: float,
        gate: Gate,
    ) -> SlotState:
        """Take or renew a slot; a first taking spends a token of the submit bucket, too.

        It must also pass the gate. Of a breaker that is due to be tried, one attempt becomes the
        probe, for as long as the lease.
        """

    async def renew(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        lease_s: float,
        gate: Gate,
    ) -> None:
        """Hold an attempt's slot for another lease, over the limit if need be, and its probes."""

    async def release(self, provider: ProviderName, account: str, attempt: AttemptId) -> None:
        """Give a slot back; giving back what is not held is no error."""

    async def give_back(
        self,
        provider: ProviderName,
        account: str,
        attempt: AttemptId,
        *,
        submit: RateLimit | None,
        gate: Gate,
    ) -> None:
        """Release a slot under which nothing was submitted, with its token and its probes."""
