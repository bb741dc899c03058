"""How late the event loop is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.gateway.ports.runtime import Clock

INTERVAL_S = 0.5


async def sample_loop_lag(
    clock: Clock, observe: Callable[[float], None], *, interval_s: float = INTERVAL_S
) -> None:
    """Report by how many seconds each sleep of `interval_s` was too long, until cancelled."""
    while True:
        began_s = clock.monotonic_s()
        await clock.sleep(interval_s)
        observe(max(0.0, clock.monotonic_s() - began_s - interval_s))
