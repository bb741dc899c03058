"""How often the holder of an admin token may ask; while the store is away, by our own bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.bucket import Bucket
from proxy.domain.errors import StoreUnavailable
from proxy.domain.ids import KeyId, TeamId
from proxy.domain.policy import RouteClass
from proxy.gateway.limits import tell_owned
from proxy.gateway.refusals import rate_limited

if TYPE_CHECKING:
    from proxy.domain.bucket import BucketState
    from proxy.domain.policy import AdminToken
    from proxy.gateway.runtime import Runtime

NOBODY = (TeamId(""), KeyId(""))


async def spend(runtime: Runtime, token: AdminToken) -> tuple[BucketState, ...]:
    """Spend a token of the bucket of an admin token.

    Raises:
        RateLimited: it is empty.
    """
    limit = runtime.live.snapshot.admin_limit
    if limit is None:
        return ()
    bucket = Bucket(name=f"{RouteClass.ADMIN.value}:{token.id}", limit=limit)
    is_local = False
    try:
        states = await runtime.jobs.spend_as_admin([bucket])
    except StoreUnavailable:
        is_local = True
        states = runtime.standby.spend("", [bucket])
    tell_owned(runtime, NOBODY, RouteClass.ADMIN, states, is_local=is_local)
    if any(state.retry_after_us for state in states):
        raise rate_limited(RouteClass.ADMIN, states)
    return states
