"""What limits decided, told as events: token buckets of each mode, and cool-downs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.bucket import Decision, LimitMode, decisions
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
    from proxy.domain.ids import KeyId, TeamId
    from proxy.gateway.ports.admission import AdmitResult
    from proxy.gateway.runtime import Runtime
    from proxy.gateway.views import Caller

Owner = tuple["TeamId", "KeyId"]
MODERATION = "moderation"
"""Class of the decisions of cool-downs."""


LOCAL = "local"
"""Mode of decisions of this process's own buckets, which are enforced while the store is away."""


def tell_buckets(
    runtime: Runtime,
    caller: Caller,
    route_class: RouteClass,
    buckets: Iterable[BucketState],
    *,
    is_local: bool = False,
) -> None:
    """Tell what token buckets said: one event for each mode among them."""
    owner = (caller.team.id, caller.key.id)
    tell_owned(runtime, owner, route_class, buckets, is_local=is_local)


def tell_owned(
    runtime: Runtime,
    owner: Owner,
    route_class: RouteClass,
    buckets: Iterable[BucketState],
    *,
    is_local: bool,
) -> None:
    """The same for a team and a key by their ids, which an administrator has not."""
    for mode, decision in decisions(buckets):
        name = LOCAL if is_local and mode is LimitMode.ENFORCE else mode.value
        _tell(runtime, owner, route_class.value, mode=name, decision=decision)


def tell_admission(runtime: Runtime, caller: Caller, result: AdmitResult) -> None:
    """Tell what an admission says of limits; whoever was answered before any says nothing."""
    if isinstance(result, Accepted | BucketEmpty | TooManyOpen | OverBudget):
        tell_buckets(runtime, caller, RouteClass.SUBMIT, result.buckets)
    if isinstance(result, CoolingDown) or (isinstance(result, Accepted) and result.is_cooling):
        mode = caller.key.limit_mode.value
        owner = (caller.team.id, caller.key.id)
        _tell(runtime, owner, MODERATION, mode=mode, decision=Decision.REFUSED)


def _tell(
    runtime: Runtime, owner: Owner, limit_class: str, *, mode: str, decision: Decision
) -> None:
    team, key = owner
    runtime.observer.observe(
        LimitChecked(
            team=team,
            key=key,
            limit_class=limit_class,
            mode=mode,
            decision=decision,
        )
    )
