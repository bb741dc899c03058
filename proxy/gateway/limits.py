"""What limits decided, told as events: token buckets of each mode, and cool-downs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.bucket import Decision, decisions
from proxy.domain.events import LimitChecked
from proxy.domain.policy import RouteClass
from proxy.gateway.ports.admission import (
    Accepted,
    BucketEmpty,
    CoolingDown,
    OverBudget,
    TooManyOpen,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proxy.domain.bucket import BucketState
    from proxy.gateway.ports.admission import AdmitResult
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller

MODERATION = "moderation"
"""Class of the decisions of cool-downs."""


def tell_buckets(
    runtime: Runtime, caller: Caller, route_class: RouteClass, buckets: Iterable[BucketState]
) -> None:
    """Tell what token buckets said: one event for each mode among them."""
    for mode, decision in decisions(buckets):
        _tell(runtime, caller, route_class.value, mode=mode.value, decision=decision)


def tell_admission(runtime: Runtime, caller: Caller, result: AdmitResult) -> None:
    """Tell what an admission says of limits; whoever was answered before any says nothing."""
    if isinstance(result, Accepted | BucketEmpty | TooManyOpen | OverBudget):
        tell_buckets(runtime, caller, RouteClass.SUBMIT, result.buckets)
    if isinstance(result, CoolingDown) or (isinstance(result, Accepted) and result.is_cooling):
        mode = caller.key.limit_mode.value
        _tell(runtime, caller, MODERATION, mode=mode, decision=Decision.REFUSED)


def _tell(
    runtime: Runtime, caller: Caller, limit_class: str, *, mode: str, decision: Decision
) -> None:
    runtime.observer.observe(
        LimitChecked(
            team=caller.team.id,
            key=caller.key.id,
            limit_class=limit_class,
            mode=mode,
            decision=decision,
        )
    )
