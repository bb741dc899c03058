"""Circuit breakers: closed, open, half open; when they trip, who probes, what closes them.

The store decides by the same rules (`store/lua/breaker.lua`); this module is what it is tested
against, and what a process goes by while the store is away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

WINDOW_PARTS = 6
"""A window is counted in parts: what it holds is between five and six of them old at most."""
DOUBLINGS_MAX = 20
JITTER_PERMILLE_MAX = 100
"""A breaker stays open up to a tenth longer, so that not all of them try again at once."""


class BreakerState(StrEnum):
    """How a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """When a breaker opens, and for how long (ms)."""

    failures: int
    ratio_percent: int
    ratio_of_at_least: int
    window_ms: int
    open_min_ms: int
    open_max_ms: int

    @property
    def part_ms(self) -> int:
        """How long one part of the window is."""
        return max(1, self.window_ms // WINDOW_PARTS)

    def pause_ms(self, openings: int, jitter_permille: int) -> int:
        """How long a breaker stays open that has opened so often in a row."""
        doubled_ms = self.open_min_ms << min(openings - 1, DOUBLINGS_MAX)
        pause_ms = min(self.open_max_ms, doubled_ms)
        return pause_ms + pause_ms * jitter_permille // 1000


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of the calls in one part of the window; `part` is its number since 1970."""

    part: int
    good: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """One breaker as it is stored. All times are ms of the store's clock; 0 is never.

    Attributes:
        state: as it last was; an open one whose time is over waits for its probe.
        generation: when the state changed last. It only grows; what began before it says nothing.
        consecutive: failures since the last success, while closed.
        openings: how often it opened since it was last closed.
        since_ms: when the first of these was.
        until_ms: until when it is open, or, half open, until when its probe may take.
        cause: the kind of failure that opened it.
        probe: the attempt that tries in everybody's stead; "" if nobody does.
        rests_until_ms: until when nothing new goes there, as the provider asked.
        gone_in: the configuration (its digest) for which the provider says that the model is gone.
        gone_ms: when it said so.
        tallies: the window.
    """

    state: BreakerState = BreakerState.CLOSED
    generation: int = 0
    consecutive: int = 0
    openings: int = 0
    since_ms: int = 0
    until_ms: int = 0
    cause: str = ""
    probe: str = ""
    rests_until_ms: int = 0
    gone_in: str = ""
    gone_ms: int = 0
    tallies: tuple[Tally, ...] = ()

    def state_at(self, now_ms: int) -> BreakerState:
        """The state for others: open, half open when the next one may try, closed."""
        is_due = self.state is BreakerState.OPEN and now_ms >= self.until_ms
        return BreakerState.HALF_OPEN if is_due else self.state

    def may_probe(self, now_ms: int) -> bool:
        """Say whether the next job may try: its time has come, and nobody else does.

        A probe of which nothing is heard for too long has died; then the next one tries.
        """
        is_unmanned = self.state is BreakerState.HALF_OPEN and not self.probe
        return self.state is not BreakerState.CLOSED and (is_unmanned or now_ms >= self.until_ms)

    def is_shut(self, now_ms: int) -> bool:
        """Say whether nothing new may go there."""
        return self.state is not BreakerState.CLOSED and not self.may_probe(now_ms)

    def recent(self, rules: BreakerRules, now_ms: int) -> tuple[int, int]:
        """Calls that went well and badly in the window."""
        kept = _kept(self.tallies, rules, now_ms)
        return sum(tally.good for tally in kept), sum(tally.bad for tally in kept)


class Verdict(StrEnum):
    """What a breaker says to a job that wants to be sent."""

    FREE = "free"
    PROBE = "probe"
    """It may, and everybody waits for what becomes of it."""
    SHUT = "shut"
    RESTING = "resting"
    GONE = "gone"


def verdict(breaker: Breaker, now_ms: int, *, digest: str, is_panic: bool) -> Verdict:
    """Judge a job that wants to be sent; in a panic the state is no reason, but a rest is."""
    if breaker.gone_in and breaker.gone_in == digest:
        return Verdict.GONE
    if breaker.rests_until_ms > now_ms:
        return Verdict.RESTING
    if breaker.may_probe(now_ms):
        return Verdict.PROBE
    return Verdict.FREE if is_panic or not breaker.is_shut(now_ms) else Verdict.SHUT


class Mark(StrEnum):
    """What came of a call, or of an accepted job, for one breaker."""

    SUCCESS = "s"
    FAILURE = "f"
    TRIP = "t"
    """A failure that opens it by itself."""
    NEUTRAL = "n"
    """It says nothing; if it was the probe, the next job is."""
    REST = "r"
    """The provider asked for a rest."""
    GONE = "g"
    """The provider says that the model is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One mark. `begun_ms` is when that began which it is about, by the store's clock.

    `cause` is the kind of a failure; `rest_ms` how long a rest is; `digest` the configuration in
    which a model is gone.
    """

    mark: Mark
    begun_ms: int
    attempt: str = ""
    cause: str = ""
    rest_ms: int = 0
    digest: str = ""

    def is_like(self, other: Outcome) -> bool:
        """Say whether both say the same of nobody in particular, so that one may stand for two.

        The first stands for all: it began before them.
        """
        same = (self.mark, self.cause, self.attempt) == (other.mark, other.cause, other.attempt)
        return same and not self.attempt and self.mark in (Mark.SUCCESS, Mark.FAILURE)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a breaker hears of something, by the store's clock, and a draw for that time.

    `jitter_permille`, 0 to JITTER_PERMILLE_MAX, is how much longer it stays open if it opens.
    """

    now_ms: int
    jitter_permille: int = 0


def after(breaker: Breaker, outcome: Outcome, rules: BreakerRules, moment: Moment) -> Breaker:
    """The breaker once it has heard of an outcome."""
    now_ms = moment.now_ms
    if outcome.mark is Mark.REST:
        rests_until_ms = max(breaker.rests_until_ms, now_ms + outcome.rest_ms)
        breaker = replace(breaker, rests_until_ms=rests_until_ms)
    elif outcome.mark is Mark.GONE:
        breaker = replace(breaker, gone_in=outcome.digest, gone_ms=now_ms)
    is_bad = outcome.mark in (Mark.FAILURE, Mark.TRIP)
    is_probe = breaker.probe != "" and breaker.probe == outcome.attempt
    if breaker.state is BreakerState.CLOSED:
        if outcome.begun_ms < breaker.generation:
            return breaker
        return _heard_closed(breaker, outcome, rules, moment)
    if outcome.mark is Mark.SUCCESS:
        is_news = outcome.begun_ms >= breaker.generation
        return _closed(breaker, now_ms) if is_probe or is_news else breaker
    if not is_probe:
        return breaker
    if is_bad:
        return _opened(breaker, outcome, rules, moment)
    return replace(breaker, probe="")


def probing(breaker: Breaker, attempt: str, now_ms: int, lease_ms: int) -> Breaker:
    """The breaker once an attempt tries in everybody's stead, for so long at the most."""
    return replace(
        breaker,
        state=BreakerState.HALF_OPEN,
        generation=_next_generation(breaker, now_ms),
        until_ms=now_ms + lease_ms,
        probe=attempt,
    )


def still_probing(breaker: Breaker, attempt: str, now_ms: int, lease_ms: int) -> Breaker:
    """The breaker when an attempt shows that it lives; if it is the probe, it has more time."""
    if not attempt or breaker.probe != attempt:
        return breaker
    return replace(breaker, until_ms=now_ms + lease_ms)


def _heard_closed(
    breaker: Breaker, outcome: Outcome, rules: BreakerRules, moment: Moment
) -> Breaker:
    now_ms = moment.now_ms
    if outcome.mark is Mark.TRIP:
        return _opened(breaker, outcome, rules, moment)
    if outcome.mark not in (Mark.SUCCESS, Mark.FAILURE):
        return breaker
    is_bad = outcome.mark is Mark.FAILURE
    counted = replace(
        breaker,
        consecutive=breaker.consecutive + 1 if is_bad else 0,
        tallies=_counted(breaker.tallies, rules, now_ms, is_bad=is_bad),
    )
    good, bad = counted.recent(rules, now_ms)
    is_too_much = (
        good + bad >= rules.ratio_of_at_least and bad * 100 >= (good + bad) * rules.ratio_percent
    )
    if is_bad and (counted.consecutive >= rules.failures or is_too_much):
        return _opened(counted, outcome, rules, moment)
    return counted


def _opened(breaker: Breaker, outcome: Outcome, rules: BreakerRules, moment: Moment) -> Breaker:
    now_ms, openings = moment.now_ms, breaker.openings + 1
    return replace(
        breaker,
        state=BreakerState.OPEN,
        generation=_next_generation(breaker, now_ms),
        consecutive=0,
        openings=openings,
        since_ms=breaker.since_ms or now_ms,
        until_ms=now_ms + rules.pause_ms(openings, moment.jitter_permille),
        cause=outcome.cause,
        probe="",
        tallies=(),
    )


def _closed(breaker: Breaker, now_ms: int) -> Breaker:
    return Breaker(
        generation=_next_generation(breaker, now_ms),
        rests_until_ms=breaker.rests_until_ms,
        gone_in=breaker.gone_in,
        gone_ms=breaker.gone_ms,
    )


def _next_generation(breaker: Breaker, now_ms: int) -> int:
    return max(now_ms, breaker.generation + 1)


def _kept(tallies: tuple[Tally, ...], rules: BreakerRules, now_ms: int) -> tuple[Tally, ...]:
    """The tallies that are still in the window; parts to come are of another window's length."""
    part = now_ms // rules.part_ms
    return tuple(tally for tally in tallies if part - WINDOW_PARTS < tally.part <= part)


def _counted(
    tallies: tuple[Tally, ...], rules: BreakerRules, now_ms: int, *, is_bad: bool
) -> tuple[Tally, ...]:
    part = now_ms // rules.part_ms
    kept = _kept(tallies, rules, now_ms)
    last = kept[-1] if kept and kept[-1].part == part else Tally(part, 0, 0)
    counted = Tally(part, last.good + (not is_bad), last.bad + is_bad)
    return (*(tally for tally in kept if tally.part != part), counted)
