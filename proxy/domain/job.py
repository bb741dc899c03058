"""A job and its attempts: the states, the only legal moves, and what clients are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.ids import AttemptId, JobId, KeyId, TeamId, attempt_id
from proxy.domain.source import Way

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.plan import Candidate, Plan
    from proxy.domain.video import Artifact, VideoJob

Operation = dict[str, object]
"""A provider's handle of an accepted submit: opaque, JSON-serialisable."""


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    RUNNING = "running"
    STORING = "storing"
    UNKNOWN = "unknown"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Say whether the state never changes again."""
        return not MOVES[self]


_S = JobState
MOVES: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        _S.QUEUED: frozenset({_S.SUBMITTING, _S.FAILED, _S.CANCELLED}),
        _S.SUBMITTING: frozenset({_S.RUNNING, _S.QUEUED, _S.FAILED, _S.UNKNOWN, _S.CANCELLED}),
        _S.RUNNING: frozenset({_S.STORING, _S.QUEUED, _S.FAILED, _S.UNKNOWN, _S.CANCELLED}),
        _S.STORING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED}),
        _S.UNKNOWN: frozenset({_S.RUNNING, _S.STORING, _S.QUEUED, _S.FAILED, _S.CANCELLED}),
        _S.COMPLETED: frozenset(),
        _S.FAILED: frozenset(),
        _S.CANCELLED: frozenset(),
    }
)
"""Every legal move. A state also "moves" to itself while work goes on inside it."""


class IllegalMove(Exception):
    """A move the state machine does not know: a bug, never an answer to a client."""


def advance(current: JobState, following: JobState) -> JobState:
    """Return `following` if the move is legal.

    Raises:
        IllegalMove: it is not.
    """
    if following is not current and following not in MOVES[current]:
        message = f"{current} -> {following}"
        raise IllegalMove(message)
    return following


class Resolution(StrEnum):
    """How the reservation of an attempt stands."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"


class StoppedBy(StrEnum):
    """What kept a failed job from going on at another candidate."""

    BUDGET_EXCEEDED = "budget_exceeded"
    MAX_COST = "max_cost"
    DEADLINE = "deadline"
    MAX_ATTEMPTS = "max_attempts"
    NO_CANDIDATE = "no_candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Why a job (or one attempt) brought no video: our stable code and a redacted message."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One reservation at one offer.

    `account` is None until a slot was taken; `operation` is None until the provider accepted.
    Times are Unix milliseconds of the store's clock.
    """

    number: int
    candidate: int
    reserved_micro_usd: int
    reserved_at_ms: int
    account: str | None = None
    submitted_at_ms: int | None = None
    operation: Operation | None = None
    resolution: Resolution = Resolution.OPEN
    charged_micro_usd: int | None = None
    overage_micro_usd: int = 0
    resolved_by: str | None = None
    error: JobError | None = None

    @property
    def task_id(self) -> str | None:
        """The vendor's own id of the operation, which every adapter keeps under "task_id"."""
        task = (self.operation or {}).get("task_id")
        return None if task is None else str(task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the worker remembers between two steps of the current attempt.

    `looked_at_ms` is when the provider was last found to be still at work.

    `cancels` counts how often the provider was (or was about to be) asked to stop;
    `is_cancel_free` says that the work had not begun when that was decided last.
    """

    polls: int = 0
    progress: int = 0
    submit_retries: int = 0
    throttled_since_ms: int | None = None
    malformed: int = 0
    downloads: int = 0
    look_ups: int = 0
    look_up_failures: int = 0
    unknown_since_ms: int | None = None
    was_unknown_in: JobState | None = None
    charge_micro_usd: int | None = None
    cancels: int = 0
    is_cancel_free: bool = False
    looked_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as stored: what was asked, where it stands, what it has cost so far.

    `trace` is the traceparent of its create, "" where there was none.
    """

    id: JobId
    team: TeamId
    key: KeyId
    created_at_ms: int
    deadline_at_ms: int
    request: VideoJob
    fingerprint: str
    snapshot_digest: str
    plan: Plan
    cost_center: str = ""
    trace: str = ""
    state: JobState = JobState.QUEUED
    fence: int = 0
    attempts: tuple[Attempt, ...] = ()
    work: Work = field(default_factory=Work)
    is_fetched: bool = False
    cancel_requested: bool = False
    is_deleted: bool = False
    error: JobError | None = None
    stopped_by: StoppedBy | None = None
    artifact: Artifact | None = None
    artifact_expires_at_ms: int | None = None
    ended_at_ms: int | None = None

    @property
    def attempt(self) -> Attempt:
        """The current attempt: the last one."""
        return self.attempts[-1]

    @property
    def attempt_id(self) -> AttemptId:
        """The id of the current attempt, which providers see as their external id."""
        return attempt_id(self.id, self.attempt.number)

    @property
    def candidate(self) -> Candidate:
        """The candidate of the current attempt."""
        return self.plan.candidates[self.attempt.candidate]

    @property
    def seconds(self) -> int:
        """The whole length of the video: an extension's begins with its source."""
        source = self.request.source
        before = 0 if source is None else source.seconds_before
        candidate = self.candidate if self.attempts else self.plan.candidates[0]
        return before + candidate.shape.seconds

    @property
    def pinned_account(self) -> str | None:
        """The only account that can make it: the one that made its source; None where any can."""
        source = self.request.source
        return source.account if source and self.candidate.way is Way.ORIGIN else None

    @property
    def reserved_micro_usd(self) -> int:
        """Micro-USD held by open reservations."""
        return sum(
            attempt.reserved_micro_usd
            for attempt in self.attempts
            if attempt.resolution is Resolution.OPEN
        )

    @property
    def charged_micro_usd(self) -> int:
        """Micro-USD charged by settled attempts so far."""
        return sum(attempt.charged_micro_usd or 0 for attempt in self.attempts)

    @property
    def is_settled(self) -> bool:
        """Say whether no reservation is open any more."""
        return all(attempt.resolution is not Resolution.OPEN for attempt in self.attempts)


class PublicStatus(StrEnum):
    """The four statuses of OpenAI's Video object."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

    @property
    def is_last(self) -> bool:
        """Say whether nothing more happens that a client would see."""
        return self in (PublicStatus.COMPLETED, PublicStatus.FAILED)


def public_status(job: Job) -> PublicStatus:
    """What a client sees; a requested cancel reads as failed at once, whatever goes on inside."""
    return status_of(job.state, cancel_requested=job.cancel_requested)


def status_of(state: JobState, *, cancel_requested: bool) -> PublicStatus:
    """What a client sees of a job in some state."""
    if cancel_requested or state in (JobState.FAILED, JobState.CANCELLED):
        return PublicStatus.FAILED
    if state is JobState.COMPLETED:
        return PublicStatus.COMPLETED
    if state is JobState.QUEUED:
        return PublicStatus.QUEUED
    return PublicStatus.IN_PROGRESS


def is_over(job: Job) -> bool:
    """Say whether a client has nothing more to wait for."""
    return public_status(job).is_last


def mark_of(job: Job) -> str:
    """Name how a client sees a job; see `mark`."""
    return mark(public_status(job), attempt=job.attempt.number, progress=job.work.progress)


def mark(status: PublicStatus, *, attempt: int, progress: int) -> str:
    """Name how a job stands for its client: as long as the name is the same, nothing has happened.

    A place in the queue is not part of it. Every process gives the same name.
    """
    return status.value if status.is_last else f"{status.value}-{attempt}-{progress}"


def public_error(job: Job) -> JobError | None:
    """The error a client sees: `cancelled` as soon as a cancel was asked for."""
    if job.cancel_requested or job.state is JobState.CANCELLED:
        return JobError(code="cancelled", message="the job was cancelled")
    return job.error
