"""What the use cases answer; the http edge renders these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.domain.render_times import POLL_AFTER_MS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from proxy.domain.bucket import BucketState
    from proxy.domain.errors import ProxyError
    from proxy.domain.ids import JobId
    from proxy.domain.job import Job
    from proxy.domain.plan import Candidate, Plan
    from proxy.domain.policy import ApiKey, Model, Offer, Team
    from proxy.domain.routing import RoutingPolicy
    from proxy.domain.source import Verb
    from proxy.domain.wait import Wait
    from proxy.gateway.ports.admission import BalanceState, TeamState
    from proxy.gateway.ports.letters import LetterState
    from proxy.gateway.ports.notices import KnownReceiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: an authenticated key and its team, both from the same snapshot."""

    key: ApiKey
    team: Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a caller would rather wait for the end of a job than be answered at once.

    `is_gone` says whether the caller has left meanwhile.
    """

    wait_s: float
    is_gone: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Which video is started from, and what is done to it; `param` is the field that names it."""

    verb: Verb
    video_id: str
    param: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job with what its answer needs beside it.

    `offer` is the current candidate's offer in today's catalog (None when it was removed): the
    source of the Deprecation and Sunset headers. `wait` is set while the job is queued,
    `poll_after_ms` is when it is worth asking again, `poll_every_ms` the one interval for whoever
    keeps it to the end. `has_waited` says that the caller's patience was made use of.
    `budget_warnings` are ids of budgets that say `allow` and whose limit this create went beyond.
    `stale_s` is how long ago it was so, where the store could not be asked.
    """

    job: Job
    buckets: tuple[BucketState, ...]
    offer: Offer | None = None
    wait: Wait | None = None
    poll_after_ms: int = POLL_AFTER_MS
    poll_every_ms: int = POLL_AFTER_MS
    is_replay: bool = False
    has_waited: bool = False
    budget_warnings: tuple[str, ...] = ()
    stale_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsView:
    """One page of jobs; `last` is the place after which the next one begins.

    `waits` says what those that are queued wait for.
    """

    jobs: tuple[Job, ...]
    has_more: bool
    last: JobId | None
    buckets: tuple[BucketState, ...]
    waits: Mapping[JobId, Wait] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LettersView:
    """Who was told of a job's end, and what came of it; `known` are receivers by id."""

    letters: Sequence[LetterState]
    known: Mapping[str, KnownReceiver]
    buckets: tuple[BucketState, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentView:
    """A finished artifact; `open(start, length)` streams a range of it.

    `stale_s` is how long ago the job was known, where the store could not be asked.
    """

    job: Job
    size_bytes: int
    sha256: str
    media_type: str
    open: Callable[[int, int], AsyncIterator[bytes]]
    buckets: tuple[BucketState, ...]
    stale_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedCandidate:
    """One candidate of a quote: would it fit, and what would each balance have left."""

    candidate: Candidate
    fits: bool
    left_after: Sequence[tuple[BalanceState, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """What a create would do now. `refusal` None = it would be accepted, at `chosen`."""

    plan: Plan | None
    candidates: tuple[QuotedCandidate, ...]
    chosen: Candidate | None
    refusal: ProxyError | None
    buckets: tuple[BucketState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """A team's accounts, limits and counts."""

    team: Team
    state: TeamState
    buckets: tuple[BucketState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelView:
    """A model the team may use, with its offers in the catalog's order."""

    model: Model
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsView:
    """Models and policies a team may use."""

    models: tuple[ModelView, ...]
    policies: tuple[RoutingPolicy, ...]
    default_policy: str
    now_s: float
    buckets: tuple[BucketState, ...]
