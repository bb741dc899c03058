"""How provider accounts stand: what is noted of each call, and which offers are closed for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, assert_never

from proxy.domain.breaker import Breaker, BreakerState, Mark, Outcome
from proxy.domain.bucket import LimitMode
from proxy.domain.conditions import Closed, Closure
from proxy.domain.failure import REACTIONS, BreakerEffect, FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from proxy.domain.failure import Failure
    from proxy.domain.ids import ProviderName
    from proxy.domain.policy import Offer, Provider, Snapshot

SUBMIT, RENDER = "submit", "render"
EVERY_MODEL = "*"
REST_MS_MAX = 3_600_000
"""A provider that asks for a longer rest is asked again after an hour."""

Place = tuple["ProviderName", str]
"""A provider account."""


def breaker_name(operation: str, upstream: str = EVERY_MODEL) -> str:
    """The name of a breaker within its account."""
    return f"{operation}|{upstream}"


def doors(upstream: str) -> tuple[str, str, str]:
    """The breakers a submit must pass: the account's, the model's, and that of its renders.

    Renders have one of their own: a provider may accept everything and then make nothing.
    """
    return breaker_name(SUBMIT), breaker_name(SUBMIT, upstream), breaker_name(RENDER, upstream)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one call, or the end of one accepted job, is noted for: `begun_ms` by the store."""

    upstream: str
    attempt: str
    begun_ms: int
    digest: str
    throttle_ms: int


Marks = tuple[tuple[str, Outcome], ...]
"""Outcomes with the breakers they are for."""


def marks_of_submit(heard: Heard, failure: Failure | None) -> Marks:
    """What a submit says: of the model, and of the account.

    The renders' breaker hears of it only to learn that its probe, if this was it, made nothing.
    """
    account, model, renders = doors(heard.upstream)
    if failure is None:
        return (account, _outcome(heard, Mark.SUCCESS)), (model, _outcome(heard, Mark.SUCCESS))
    neutral = _outcome(heard, Mark.NEUTRAL)
    said = {account: neutral, model: neutral, renders: neutral}
    said |= _said(heard, failure, counted_at=model)
    return tuple(said.items())


def marks_of_render(heard: Heard, failure: Failure | None) -> Marks:
    """What the end of an accepted job says; a video also proves its own submit, if that probed."""
    _, model, renders = doors(heard.upstream)
    if failure is None:
        proof = Outcome(mark=Mark.SUCCESS, begun_ms=-1, attempt=heard.attempt)
        return (renders, _outcome(heard, Mark.SUCCESS)), (model, proof)
    said = {renders: _outcome(heard, Mark.NEUTRAL)}
    said |= _said(heard, failure, counted_at=renders)
    return tuple(said.items())


def marks_of_call(operation: str, heard: Heard, failure: Failure | None) -> Marks:
    """What any other call says, which only its own breaker hears: it keeps nobody from anything.

    That an operation is unknown there, or a request refused, is no failure of the provider. These
    breakers have no probes, so it does not matter whose call it was.
    """
    name = breaker_name(operation, heard.upstream)
    if failure is None:
        return ((name, Outcome(mark=Mark.SUCCESS, begun_ms=heard.begun_ms)),)
    effect = REACTIONS[failure.kind].breaker
    is_unknown = failure.kind is FailureKind.UNKNOWN_OUTCOME
    if is_unknown or effect not in (BreakerEffect.COUNTS, BreakerEffect.OPENS_ACCOUNT):
        return ()
    outcome = Outcome(mark=Mark.FAILURE, begun_ms=heard.begun_ms, cause=failure.kind.value)
    return ((name, outcome),)


def _said(heard: Heard, failure: Failure, *, counted_at: str) -> dict[str, Outcome]:
    """What a failure says by its row of the table; it counts at one of the breakers."""
    account, model, _ = doors(heard.upstream)
    effect = REACTIONS[failure.kind].breaker
    match effect:
        case BreakerEffect.COUNTS:
            return {counted_at: _outcome(heard, Mark.FAILURE, failure.kind)}
        case BreakerEffect.OPENS_ACCOUNT:
            return {account: _outcome(heard, Mark.TRIP, failure.kind)}
        case BreakerEffect.OPENS_MODEL:
            return {model: _outcome(heard, Mark.GONE)}
        case BreakerEffect.COOLS:
            rest_ms = round((failure.retry_after_s or 0) * 1000) or heard.throttle_ms
            return {model: _outcome(heard, Mark.REST, rest_ms=min(rest_ms, REST_MS_MAX))}
        case BreakerEffect.NONE:
            return {}
        case _:
            assert_never(effect)


def _outcome(
    heard: Heard, mark: Mark, cause: FailureKind | None = None, *, rest_ms: int = 0
) -> Outcome:
    return Outcome(
        mark=mark,
        begun_ms=heard.begun_ms,
        attempt=heard.attempt,
        cause=cause.value if cause else "",
        rest_ms=rest_ms,
        digest=heard.digest if mark is Mark.GONE else "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How every account stands, as one process knows it.

    `breakers` are by account and name, `drained` holds provider names and "provider/account".
    """

    breakers: Mapping[Place, Mapping[str, Breaker]] = field(default_factory=dict)
    drained: frozenset[str] = frozenset()

    def breaker(self, place: Place, name: str) -> Breaker:
        """One breaker; one that nobody wrote is closed."""
        return self.breakers.get(place, {}).get(name, _NEVER_HEARD)

    def is_drained(self, provider: str, account: str) -> bool:
        """Say whether nothing new may go to an account."""
        return not self.drained.isdisjoint((provider, f"{provider}/{account}"))


_NEVER_HEARD = Breaker()


@dataclass(frozen=True, slots=True)
class Outlook:
    """A configuration's offers under the health of their accounts, at one moment (ms)."""

    health: Health
    snapshot: Snapshot
    now_ms: int

    def closures(self) -> dict[str, Closed]:
        """The offers to which nothing new should go, by their ids: no account takes any.

        One that may be tried by a single job is not closed: the next job is the one.
        """
        found = {}
        for offer in self.snapshot.offers:
            provider = self.snapshot.providers.get(offer.provider)
            if provider is not None and provider.is_configured:
                closed = self._closure(offer, provider)
                if closed is not None:
                    found[offer.id] = closed
        return found

    def at_account(self, offer: Offer, account: str) -> Closed | None:
        """Why nothing new of an offer goes to one account; None if it does."""
        health, now_ms = self.health, self.now_ms
        if health.is_drained(offer.provider, account):
            whose = offer.provider if offer.provider in health.drained else f"account {account}"
            return Closed(why=Closure.DRAINED, detail=f"{whose} is drained")
        if self.snapshot.engine.breaker_mode is LimitMode.SHADOW:
            return None
        place = offer.provider, account
        breakers = [health.breaker(place, name) for name in doors(offer.upstream)]
        for breaker in breakers:
            if breaker.gone_in and breaker.gone_in == self.snapshot.digest:
                detail = f"the provider says since {_clock(breaker.gone_ms)} that it is gone"
                return Closed(why=Closure.MODEL_GONE, detail=detail)
        shut = [breaker for breaker in breakers if breaker.is_shut(now_ms)]
        if shut:
            return Closed(why=Closure.UNHEALTHY, detail=_failing(shut, now_ms))
        rests_until_ms = max(breaker.rests_until_ms for breaker in breakers)
        if rests_until_ms - now_ms > self.snapshot.engine.max_queue_wait_s * 1000:
            detail = f"it asked for a rest until {_clock(rests_until_ms)}"
            return Closed(why=Closure.UNHEALTHY, detail=detail)
        return None

    def _closure(self, offer: Offer, provider: Provider) -> Closed | None:
        every: list[Closed] = []
        for account in provider.accounts:
            if account.is_configured:
                closed = self.at_account(offer, account.name)
                if closed is None:
                    return None
                every.append(closed)
        return _mildest(every)


def _mildest(every: Sequence[Closed]) -> Closed:
    """One of several closures: what may open by itself, before what a person must open."""
    order = (Closure.UNHEALTHY, Closure.DRAINED, Closure.MODEL_GONE)
    return min(every, key=lambda closed: order.index(closed.why))


def _failing(shut: Iterable[Breaker], now_ms: int) -> str:
    """Since when, and when it is tried again."""
    last = max(shut, key=lambda breaker: (breaker.state is BreakerState.OPEN, breaker.until_ms))
    since = f"failing since {_clock(last.since_ms)} ({last.cause})"
    if last.state is BreakerState.HALF_OPEN:
        return f"{since}; one job tries it now"
    return f"{since}; tried again within {ceil((last.until_ms - now_ms) / 1000)} s"


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%SZ")
