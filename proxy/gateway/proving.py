"""The ledger's laws are proven by themselves, so that a mismatch wakes somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.ledger_events import LedgerVerified
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.domain.proof import Verification
    from proxy.gateway.ports.census import Errands
    from proxy.gateway.runtime import Runtime

ERRAND = "verify"
LOOK_SHARE = 0.25
"""It is looked this share of the interval whether it is time again."""


class Proving:
    """Proves the ledger once in an interval, in one of all workers.

    It reads all that there ever was, beside the event loop's other work; a damaged archive counts
    as one broken law.
    """

    def __init__(
        self,
        runtime: Runtime,
        errands: Errands,
        verify: Callable[[], Awaitable[Verification]],
    ) -> None:
        self._runtime = runtime
        self._errands = errands
        self._verify = verify

    async def watch(self) -> None:
        """Prove now and then, until cancelled."""
        while True:
            every_s = self._runtime.live.snapshot.engine.verify_every_s
            await self.once(every_s)
            await self._runtime.clock.sleep(every_s * LOOK_SHARE)

    async def once(self, every_s: float) -> None:
        """Prove, unless somebody did in that time; what cannot be read is tried the next time."""
        try:
            if not await self._errands.take(ERRAND, every_s=every_s):
                return
            found = await self._verify()
        except (StoreUnavailable, ArtifactUnavailable):
            return
        except DamagedArchive:
            self._runtime.observer.observe(LedgerVerified(entries=0, broken=1))
            return
        self._runtime.observer.observe(
            LedgerVerified(entries=found.entries, broken=len(found.violations))
        )
