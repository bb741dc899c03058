"""Admission and the reading of balances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.balance import Balance, Bid
    from proxy.domain.bucket import Bucket, BucketState, LimitMode
    from proxy.domain.ids import KeyId, ProviderName, TeamId
    from proxy.domain.job import Job


TOO_MANY_JOBS_RETRY_S = 10
"""When to come back after TooManyOpen; an SDK's retry is known as one for half a minute more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitCommand:
    """One create.

    `job` has no attempts yet; its id is the operation id that makes a replay harmless.
    `bids` are the plan's candidates in order, each naming by index the `balances` that count it.
    `idempotency_key` is the caller's header, scoped to its API key. `sdk_try` is the number in
    x-stainless-retry-count, 0 for a first try. `asked_at_ms` is the store's clock as far as it is
    known here: a store that takes the command up when nobody waits any more does nothing.
    `cool_down` says what a cool-down of the key does; None: it does nothing.
    """

    job: Job
    bids: tuple[Bid, ...]
    balances: tuple[Balance, ...]
    buckets: tuple[Bucket, ...]
    queued_max: int
    idempotency_key: str | None
    sdk_try: int
    asked_at_ms: int | None = None
    cool_down: LimitMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The job is stored; a candidate won and its quote is reserved.

    `passed` are balances whose budgets say `allow` and whose limit this job went beyond,
    `is_cooling` that the key is in a cool-down which only watches.
    """

    job: Job
    buckets: tuple[BucketState, ...]
    passed: tuple[Balance, ...] = ()
    is_cooling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """An earlier job answers this request; nothing was spent."""

    job: Job
    buckets: tuple[BucketState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyConflict:
    """The idempotency key is bound to another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEmpty:
    """A token bucket refused; no bucket lost a token."""

    buckets: tuple[BucketState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingDown:
    """Too many videos of the key were refused for their content; it must pause for `left_ms`."""

    left_ms: int
    buckets: tuple[BucketState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyOpen:
    """The team has `open_jobs` unfinished jobs and may not have more."""

    open_jobs: int
    buckets: tuple[BucketState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverBudget:
    """A budget refused: the first failing balance of the first candidate; amounts in micro-USD.

    `lifted_micro_usd` is what live overrides add to the balance's limit.
    """

    balance: Balance
    quote_micro_usd: int
    spent_micro_usd: int
    reserved_micro_usd: int
    buckets: tuple[BucketState, ...]
    lifted_micro_usd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """New spend is stopped: `what` is "team", "all", or "provider" when each candidate's is."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """The API key was revoked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodMoved:
    """The store's clock lies outside a balance's period, or it is too late; nothing was done."""

    now_ms: int


AdmitResult = (
    Accepted
    | Replayed
    | KeyConflict
    | BucketEmpty
    | CoolingDown
    | TooManyOpen
    | OverBudget
    | Frozen
    | Revoked
    | PeriodMoved
)


class Admission(Protocol):
    """Admission: one atomic, replay-safe step; and what is refused before it."""

    async def admit(self, command: AdmitCommand) -> AdmitResult:
        """Admit a job all or nothing. Raises StoreUnavailable."""

    async def note_refusal(
        self, key: KeyId, fingerprint: str, *, sdk_try: int, retry_after_s: int
    ) -> None:
        """Remember a create that was refused before it got here, as `admit` remembers its own.

        The next try of an SDK then is a new create, and not taken for one whose answer was lost.
        Raises StoreUnavailable.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceState:
    """How a balance stands, in micro-USD; `lifted_micro_usd` is what live overrides add."""

    balance: Balance
    spent_micro_usd: int
    reserved_micro_usd: int
    lifted_micro_usd: int = 0

    @property
    def limit_micro_usd(self) -> int:
        """The limit that holds just now: the budget's, with live overrides."""
        return self.balance.limit_micro_usd + self.lifted_micro_usd

    @property
    def left_micro_usd(self) -> int:
        """What may still be reserved; 0 when overage went past the limit."""
        used = self.spent_micro_usd + self.reserved_micro_usd
        return max(0, self.limit_micro_usd - used)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamState:
    """The live numbers of one team.

    `frozen` ("team", "all" or "") says that nothing of it may be started, `frozen_providers` where
    nobody's may. `revoked` are its revoked keys; `cooling_ms` is what is left of the cool-down of
    the key that was asked about.
    """

    balances: tuple[BalanceState, ...]
    buckets: tuple[BucketState, ...]
    open_jobs: int
    running_jobs: int
    frozen: str = ""
    frozen_providers: frozenset[ProviderName] = frozenset()
    revoked: frozenset[KeyId] = frozenset()
    cooling_ms: int = 0


class Accounts(Protocol):
    """Reading what is spent and held."""

    async def team_state(
        self,
        team: TeamId,
        balances: Sequence[Balance],
        buckets: Sequence[Bucket],
        *,
        key: KeyId | None = None,
    ) -> TeamState:
        """Read balances, buckets and job counts of a team, and a key's cool-down.

        All in one round trip.
        """

    async def now_ms(self) -> int:
        """The store's clock, Unix milliseconds."""
