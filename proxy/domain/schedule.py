"""When to ask again: polls of a running job, look-ups of an unknown one; and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from proxy.domain.policy import PollTimes

ELAPSED_SHARE = 0.15
JITTER_SHARE = 0.1


def next_poll_s(
    times: PollTimes,
    *,
    elapsed_s: float,
    is_first: bool,
    retry_after_s: float | None,
    random: Callable[[], float],
) -> float:
    """Seconds until the next status call of a running job.

    The first comes after `first`; later ones after 15 % of the elapsed time, held between `min`
    and `max`. 10 % jitter either way keeps jobs admitted together from polling together. A
    Retry-After is obeyed.

    Args:
        times: the provider's poll times.
        elapsed_s: seconds since the provider accepted the job.
        is_first: no status call was made yet.
        retry_after_s: what the provider asked for, if it did.
        random: uniform in [0, 1).
    """
    base_s = times.first_s
    if not is_first:
        base_s = min(max(ELAPSED_SHARE * elapsed_s, times.min_s), times.max_s)
    jittered_s = base_s * (1 + JITTER_SHARE * (2 * random() - 1))
    return max(jittered_s, retry_after_s or 0.0)


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


def progress(*, reported: int | None, elapsed_s: float, typical_s: float | None, last: int) -> int:
    """Per cent to show: as reported, else elapsed over typical; at most 99, never falling."""
    if reported is None:
        reported = int(100 * elapsed_s / typical_s) if typical_s else 0
    return max(last, min(99, reported))
