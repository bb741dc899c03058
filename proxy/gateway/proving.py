"""The ledger's laws are proven by themselves, so that a mismatch wakes somebody."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.domain.ledger_events import LedgerVerified
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.domain.proof import Verification
    from proxy.gateway.ports.census import Errands
    from proxy.gateway.ports.runtime import Clock
    from proxy.gateway.runtime import Runtime

ERRAND = "verify"
LOOK_SHARE = 0.25
"""It is looked this share of the interval whether it is time again, or somebody else proved it."""
LOOK_S_MAX = 60.0


def telling(
    verify: Callable[[], Awaitable[Verification]], errands: Errands, clock: Clock
) -> Callable[[], Awaitable[Verification]]:
    """A proof that every process hears of: what a person found counts as what a chore finds."""

    async def verified() -> Verification:
        found = await verify()
        with suppress(StoreUnavailable):
            await _report(errands, _event(found, clock))
        return found

    return verified


class Proving:
    """Proves the ledger once in an interval, in one of all workers; all show what came of it.

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
        self._shown_at_s = 0.0

    async def watch(self) -> None:
        """Prove now and then, until cancelled."""
        while True:
            every_s = self._runtime.live.snapshot.engine.verify_every_s
            await self.once(every_s)
            await self._runtime.clock.sleep(min(every_s * LOOK_SHARE, LOOK_S_MAX))

    async def once(self, every_s: float) -> None:
        """Prove, unless somebody did in that time; what cannot be read is tried the next time."""
        try:
            if await self._errands.take(ERRAND, every_s=every_s):
                await self._prove()
            else:
                self._show(await self._errands.reported(ERRAND))
        except (StoreUnavailable, ArtifactUnavailable):
            return

    async def _prove(self) -> None:
        try:
            found = _event(await self._verify(), self._runtime.clock)
        except DamagedArchive:
            found = LedgerVerified(at_s=self._runtime.clock.now_s(), entries=0, broken=1)
        self._tell(found)
        await _report(self._errands, found)

    def _show(self, reported: str | None) -> None:
        """Without this a process would show what it found itself, long after it was mended."""
        if reported is None:
            return
        at_s, entries, broken = json.loads(reported)
        if at_s > self._shown_at_s:
            self._tell(LedgerVerified(at_s=at_s, entries=entries, broken=broken))

    def _tell(self, found: LedgerVerified) -> None:
        self._shown_at_s = found.at_s
        self._runtime.observer.observe(found)


def _event(found: Verification, clock: Clock) -> LedgerVerified:
    return LedgerVerified(at_s=clock.now_s(), entries=found.entries, broken=len(found.violations))


async def _report(errands: Errands, found: LedgerVerified) -> None:
    await errands.report(ERRAND, json.dumps([found.at_s, found.entries, found.broken]))
