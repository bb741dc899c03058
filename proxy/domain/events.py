"""Frozen facts: one event per step feeds metrics, logs and crash tests alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.health_events import BreakerMoved, ProbeBegan, RenderFailed
from proxy.domain.ledger_events import LedgerVerified, LookEnded, OrphanCharged, StoreJudged

if TYPE_CHECKING:
    from proxy.domain.bucket import Decision
    from proxy.domain.ids import JobId, KeyId, ModelName, ProviderName, TeamId
    from proxy.domain.job import JobState, Resolution
    from proxy.domain.notice import NoticeKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A job was admitted: money reserved, job queued."""

    job: JobId
    team: TeamId
    key: KeyId
    policy: str
    provider: ProviderName
    model: ModelName
    reserved_micro_usd: int
    is_replay: bool
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A create was refused at admission with an error code."""

    team: TeamId
    key: KeyId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTaken:
    """A provider account's slot is leased to an attempt; nothing else has happened yet."""

    job: JobId
    provider: ProviderName
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """The intent is written; the next thing to happen is the submit."""

    job: JobId
    team: TeamId
    provider: ProviderName
    account: str
    model: ModelName
    attempt: int
    queued_s: float
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderCalled:
    """One call to a provider ended; `outcome` is "ok" or a failure kind."""

    job: JobId
    provider: ProviderName
    account: str
    model: ModelName
    operation: str
    outcome: str
    took_s: float
    upstream_code: str | None = None
    is_classified: bool = True
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A job went from one state to another (or worked on inside one)."""

    job: JobId
    team: TeamId
    provider: ProviderName
    model: ModelName
    before: JobState
    after: JobState
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An artifact is whole in our store; its money is not settled yet."""

    job: JobId
    provider: ProviderName
    model: ModelName
    size_bytes: int
    took_s: float
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A reservation was settled or released; `code` is why it brought no video, if it was sent."""

    job: JobId
    team: TeamId
    provider: ProviderName
    model: ModelName
    attempt: int
    resolution: Resolution
    reserved_micro_usd: int
    charged_micro_usd: int
    overage_micro_usd: int
    is_wasted: bool
    offer_id: str
    is_made: bool
    code: str | None
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedOver:
    """A job goes on at another candidate, with another reservation.

    `reason` is a kind of failure, or why a waiting job moved on before anything was sent.
    """

    job: JobId
    before: ProviderName
    after: ProviderName
    model: ModelName
    reason: str
    reserved_micro_usd: int
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job reached a terminal state."""

    job: JobId
    team: TeamId
    state: JobState
    code: str | None
    took_s: float
    render_s: float | None
    provider: ProviderName
    model: ModelName
    offer_id: str
    polls: int
    seconds: int
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeUnknown:
    """Nobody knows whether a submit was accepted; its money stays reserved."""

    job: JobId
    provider: ProviderName
    model: ModelName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackReceived:
    """A provider's callback came. What it is about is "" or None where it could not be told.

    `outcome`: hinted, noted, repeated or idle (see `ports.hints.Heard`); ignored (no end of a
    video), stranger (no job of that account), forged, stale, unreadable, or unknown_address.
    """

    provider: ProviderName | None
    account: str
    model: ModelName | None
    job: JobId | None
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReloaded:
    """A reload was tried; `problems` counts what stopped it (0 = it took effect)."""

    digest: str
    problems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCalled:
    """One script or command of the store ended; `outcome` is "ok" or "error".

    `unavailable` says why the store did not do it now; an error without it is a bug.
    """

    operation: str
    outcome: str
    took_s: float
    unavailable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSetAside:
    """A job's record cannot be read; it stays where it is and is looked at again much later."""

    job: JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoreFailed:
    """A background task failed as none should; it is begun again."""

    chore: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestServed:
    """One HTTP request was answered; `route` is the template, never the path."""

    route: str
    method: str
    status: int
    took_s: float
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitChecked:
    """The token buckets of one mode, or a cool-down ("moderation"), were asked.

    In mode "shadow" nobody is refused; "local" are the buckets of this process alone, which are
    asked while the store is away. `team` and `key` are "" for an administrator.
    """

    team: TeamId
    key: KeyId
    limit_class: str
    mode: str
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredStale:
    """A job was told of as it last stood in the store, which is away."""

    job: JobId
    team: TeamId
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPassed:
    """A job went beyond the limit of a budget that says `allow`; team "" is the organisation."""

    job: JobId
    team: TeamId
    budget: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAlert:
    """A budget reached a level, or was passed if it only warns; team None is the organisation."""

    team: TeamId | None
    budget: str
    kind: NoticeKind
    level_percent: int | None
    notice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSent:
    """A notice was sent, or will be no more.

    `outcome`: delivered; failed (and is sent again); given_up; silenced (the receiver wants
    nothing more); withdrawn (the receiver is no more, or was silenced before). `fault` says why
    there is no status. `receiver` is a hash.
    """

    notice: str
    kind: str
    receiver: str
    outcome: str
    status: int | None
    fault: str
    tries: int
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepEnded:
    """A part of the upkeep ended; `outcome` is "ok" or the name of what stopped it.

    `items` counts the archived days, or the removed files.
    """

    part: str
    outcome: str
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndNoticed:
    """A provider was found to have ended an operation; it did so at most `lag_s` before."""

    job: JobId
    provider: ProviderName
    model: ModelName
    lag_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTurned:
    """The worker of this process looked for what there is to do; `busy` jobs are in its hands."""

    busy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsLost:
    """Routing decisions were dropped before they could be written down."""

    count: int


Event = (
    Admitted
    | Refused
    | SlotTaken
    | Submitting
    | ProviderCalled
    | Moved
    | Stored
    | Resolved
    | FailedOver
    | Ended
    | OutcomeUnknown
    | RenderFailed
    | BreakerMoved
    | ProbeBegan
    | CallbackReceived
    | ConfigReloaded
    | StoreCalled
    | RecordSetAside
    | ChoreFailed
    | RequestServed
    | LimitChecked
    | AnsweredStale
    | BudgetPassed
    | BudgetAlert
    | NoticeSent
    | UpkeepEnded
    | EndNoticed
    | WorkerTurned
    | LedgerVerified
    | DecisionsLost
    | OrphanCharged
    | LookEnded
    | StoreJudged
)
"""Any event; observers match on the type."""
