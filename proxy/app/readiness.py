"""Whether this process can accept jobs: the store answers, is whole, and nobody said stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.gateway.openings import Openings
    from proxy.gateway.ports.admission import Accounts
    from proxy.gateway.ports.runtime import Clock

CACHE_S = 1.0


class Readiness:
    """Asks the store at most once a second, however many probes come."""

    def __init__(self, accounts: Accounts, openings: Openings, clock: Clock) -> None:
        self._accounts = accounts
        self._openings = openings
        self._clock = clock
        self._checked_s = float("-inf")
        self._found: tuple[str, ...] = ()
        self.is_draining = False

    async def __call__(self) -> Sequence[str]:
        """What keeps this process from serving; nothing when ready."""
        if self.is_draining:
            return ("the process is stopping",)
        now_s = self._clock.monotonic_s()
        if now_s - self._checked_s >= CACHE_S:
            self._checked_s = now_s
            self._found = await self._check()
        return self._found

    async def _check(self) -> tuple[str, ...]:
        try:
            await self._accounts.now_ms()
        except StoreUnavailable:
            return ("the store does not answer",)
        try:
            await self._openings.ensure_whole()
        except StoreUnavailable as error:
            return (error.message,)
        return ()
