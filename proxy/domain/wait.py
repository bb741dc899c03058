"""Why a job waits and for how long at a guess, for whoever asks; nothing is decided by it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.bucket import wait_us
from proxy.domain.turn import turn_cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.bucket import RateLimit

MICROSECONDS = 1_000_000
STEPS_S = ((10, 1), (60, 5), (600, 30), (3600, 60))
"""Below so many seconds a guess is told in such steps."""
LAST_STEP_S = 300


class WaitsFor(StrEnum):
    """What a job waits for: of several things that which takes longest."""

    TURN = "turn"
    """Nothing: there is room, and it is the next."""
    SLOT = "slot"
    RATE = "rate"
    """A token for a submit."""
    RUNNING = "running"
    """A job of its team to end."""
    PAUSE = "pause"
    """The time from which it may be sent again."""
    THAW = "thaw"
    OPENING = "opening"
    """Its provider to take new work again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A job's place in its line, from 1, and what it waits for.

    `starts_in_s` is None when nobody can say. `frozen` is what a freeze is on: "team", "all" or
    "provider"; `closed` says why nothing new goes to its offer: a code of skipped offers.
    """

    position: int
    waits_for: WaitsFor
    starts_in_s: int | None = None
    frozen: str = ""
    closed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a job stands: its place, its line's weight and virtual time, and its team's limits.

    `pause_s` is how long it may not be sent yet.
    """

    position: int
    weight: int
    time: int
    running: int
    running_max: int
    pause_s: float = 0.0
    frozen: str = ""
    closed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another line for the same provider."""

    weight: int
    time: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The rate of an account, and how long until its bucket is full again."""

    limit: RateLimit
    full_in_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """What the lines for a provider share: its slots, its rates, and how long a slot is kept.

    `rates` are empty where no rate bounds them, `render_s` is None when nobody knows.
    """

    slots: int
    held: int
    render_s: float | None
    rates: tuple[Rate, ...] = ()
    rivals: tuple[Rival, ...] = ()


def wait_of(stand: Stand, contest: Contest) -> Wait:
    """Say what a job waits for, and guess when it starts.

    The guess takes it that slots come free at the pace at which renders end, that lines take
    turns by weight, and that nobody joins, leaves, or is held up by a limit of their own. It
    never falls when a job is further back, others have more weight, or there are fewer slots.
    """
    if stand.frozen:
        return Wait(position=stand.position, waits_for=WaitsFor.THAW, frozen=stand.frozen)
    if stand.closed:
        return Wait(position=stand.position, waits_for=WaitsFor.OPENING, closed=stand.closed)
    ahead = stand.position - 1 + _before(stand, contest.rivals)
    free = max(0, contest.slots - contest.held)
    waits_s = {
        WaitsFor.PAUSE: stand.pause_s,
        WaitsFor.RUNNING: _ends_s(
            stand.position - max(0, stand.running_max - stand.running),
            stand.running_max,
            contest.render_s,
        ),
        WaitsFor.RATE: _rate_s(ahead, contest.rates),
        WaitsFor.SLOT: _ends_s(ahead + 1 - free, contest.slots, contest.render_s),
    }
    longest = max(waits_s, key=lambda reason: waits_s[reason])
    starts_in_s = _told_s(waits_s[longest])
    if starts_in_s == 0:
        longest = WaitsFor.TURN
    return Wait(position=stand.position, waits_for=longest, starts_in_s=starts_in_s)


def _before(stand: Stand, rivals: Sequence[Rival]) -> int:
    """How many jobs of other lines have their turn before a job has its own."""
    own_time = stand.time + (stand.position - 1) * turn_cost(stand.weight)
    count = 0
    for rival in rivals:
        turns = -((rival.time - own_time) // turn_cost(rival.weight))
        count += min(max(turns, 0), rival.waiting)
    return count


def _ends_s(jobs: int, at_once: int, render_s: float | None) -> float:
    """How long until so many jobs have ended, of which so many run at once."""
    if jobs <= 0:
        return 0.0
    if render_s is None or at_once <= 0:
        return math.inf
    return jobs * render_s / at_once


def _rate_s(ahead: int, rates: Sequence[Rate]) -> float:
    """How long until there is a token for a job with so many ahead of it."""
    each = math.ceil((ahead + 1) / len(rates)) if rates else 0
    waits = (wait_us(rate.limit, rate.full_in_us, tokens=each) for rate in rates)
    return max(waits, default=0) / MICROSECONDS


def _told_s(seconds: float) -> int | None:
    """A guess in steps that are as coarse as it is: a client that asks again sees it fall."""
    if math.isinf(seconds):
        return None
    step_s = next((step for below, step in STEPS_S if seconds < below), LAST_STEP_S)
    return math.ceil(seconds / step_s) * step_s
