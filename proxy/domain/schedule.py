"""When to ask again: polls of a running job, look-ups of an unknown one; and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.domain.policy import PollTimes
    from proxy.domain.render_times import RenderSpread

ELAPSED_SHARE = 0.15
JITTER_SHARE = 0.1
EARLY_SHARE = 0.1
EARLY_S = 0.1
"""A look-up is early by more than a tenth of its wait, and by more than clocks differ."""
LATE_AFTER = 2
"""A render is late when it takes so many times the learned p95."""
LATE_FACTOR = 2
"""A late render is asked about so many times less often than `max` says."""


def next_poll_s(
    times: PollTimes,
    *,
    elapsed_s: float,
    is_first: bool,
    retry_after_s: float | None,
    random: Callable[[], float],
    spread: RenderSpread | None = None,
) -> float:
    """Seconds until the next status call of a running job.

    The first comes at the learned p20 of its offer's renders, or after `first` while too few are
    known; later ones after 15 % of the elapsed time, held between `min` and `max`; those of a
    render that takes more than twice the p95 every 2 x `max`. 10 % jitter either way keeps jobs
    admitted together from polling together. A Retry-After is obeyed.

    Args:
        times: the provider's poll times.
        elapsed_s: seconds since the provider accepted the job.
        is_first: no status call was made yet.
        retry_after_s: what the provider asked for, if it did.
        random: uniform in [0, 1).
        spread: how long recent renders of the job's offer took; None while too few are known.
    """
    if is_first:
        base_s = first_poll_s(times, spread)
    elif spread is not None and elapsed_s > LATE_AFTER * spread.p95_s:
        base_s = LATE_FACTOR * times.max_s
    else:
        base_s = min(max(ELAPSED_SHARE * elapsed_s, times.min_s), times.max_s)
    jittered_s = base_s * (1 + JITTER_SHARE * (2 * random() - 1))
    return max(jittered_s, retry_after_s or 0.0)


def first_poll_s(times: PollTimes, spread: RenderSpread | None) -> float:
    """Seconds from the accepted submit to the first status call, without jitter.

    A render time ends at the poll that finds it ended, so a p20 can hardly be shorter than the
    first poll that was waited for. The jitter undoes that: the earlier half of first polls
    pulls the p20 down, job by job, for as long as renders turn out to have ended before them.
    """
    return times.first_s if spread is None else max(times.min_s, spread.p20_s)


def longest_pause_s(times: PollTimes, spread: RenderSpread | None) -> float:
    """The longest time without a status call of a running job, but for a Retry-After."""
    base_s = max(times.first_s, first_poll_s(times, spread), LATE_FACTOR * times.max_s)
    return base_s * (1 + JITTER_SHARE)


def next_look_up_s(after_s: Sequence[float], done: int, elapsed_s: float) -> float | None:
    """Seconds until look-up number `done` + 1 of an unknown outcome; None when all were made.

    Args:
        after_s: instants of the look-ups, in seconds since the outcome became unknown.
        done: look-ups made so far.
        elapsed_s: seconds since the outcome became unknown.
    """
    if done >= len(after_s):
        return None
    return max(0.0, after_s[done] - elapsed_s)


def is_early_look_up(after_s: Sequence[float], done: int, elapsed_s: float) -> bool:
    """Say whether look-up number `done` + 1 came clearly before its instant.

    Args:
        after_s: instants of the look-ups, in seconds since the outcome became unknown.
        done: look-ups counted so far.
        elapsed_s: seconds since the outcome became unknown.
    """
    if done >= len(after_s):
        return False
    wait_s = after_s[done] - (after_s[done - 1] if done else 0.0)
    return elapsed_s < after_s[done] - max(EARLY_S, EARLY_SHARE * wait_s)


def progress(*, reported: int | None, elapsed_s: float, typical_s: float | None, last: int) -> int:
    """Per cent to show: as reported, else elapsed over typical; at most 99, never falling."""
    if reported is None:
        reported = int(100 * elapsed_s / typical_s) if typical_s else 0
    return max(last, min(99, reported))
