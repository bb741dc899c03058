"""What a queued job waits for, as its answers say it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.wait import WaitsFor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.job import Job
    from proxy.domain.wait import Wait

_REASONS: Mapping[WaitsFor, str] = MappingProxyType(
    {
        WaitsFor.TURN: "about to start at {provider}",
        WaitsFor.SLOT: "waiting{again} for a free slot at {provider}",
        WaitsFor.RATE: "waiting{again} for its turn at the rate of submits to {provider}",
        WaitsFor.RUNNING: "waiting{again} for a running video of the team to end",
        WaitsFor.PAUSE: "waiting to try {provider} again",
        WaitsFor.THAW: "held: {frozen} is frozen",
        WaitsFor.OPENING: "waiting{again} for {provider} to take new work: {closed}",
    }
)
_THROTTLED = "{provider} asked to slow down; waiting to try it again"
_FROZEN: Mapping[str, str] = MappingProxyType(
    {"": "", "team": "the team", "all": "all spending", "provider": "spending at this provider"}
)


def queue_body(job: Job, wait: Wait | None) -> dict[str, object] | None:
    """Place, guess and reason of a job that waits; None for one that does not, or is not told."""
    if wait is None:
        return None
    is_throttled = wait.waits_for is WaitsFor.PAUSE and job.work.throttled_since_ms is not None
    reason = _THROTTLED if is_throttled else _REASONS[wait.waits_for]
    return {
        "position": wait.position,
        "starts_in_s": wait.starts_in_s,
        "reason": reason.format(
            provider=job.candidate.provider,
            again="" if job.attempt.number == 1 else f" for attempt {job.attempt.number}",
            frozen=_FROZEN[wait.frozen],
            closed=wait.closed,
        ),
    }
