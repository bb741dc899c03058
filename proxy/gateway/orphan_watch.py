"""Looks for orphans now and then: one process of all at a time, each account in its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.domain.errors import StoreUnavailable
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable
from proxy.gateway.ports.ledger import Mandate

if TYPE_CHECKING:
    from proxy.gateway.orphans import Lister, OrphanDesk
    from proxy.gateway.ports.looks import Looks
    from proxy.gateway.runtime import Runtime

CHECK_S = 60.0
"""How often it is looked whether an account's turn has come, at most."""
MANDATE = Mandate(
    operation="orphans", actor="greenlight", role="system", reason="in the vendor's own list"
)


class OrphanWatch:
    """Every process that works may do it; turns are kept in the store."""

    def __init__(self, runtime: Runtime, desk: OrphanDesk, looks: Looks) -> None:
        self._runtime = runtime
        self._desk = desk
        self._looks = looks

    async def watch(self) -> None:
        """Look until cancelled; what cannot be looked at is looked at the next time."""
        runtime = self._runtime
        while True:
            every_s = min(CHECK_S, runtime.live.snapshot.engine.orphans.every_s)
            await runtime.clock.sleep(every_s * (0.5 + runtime.random()))
            await self.once()

    async def once(self) -> None:
        """Look at every account whose turn it is; one that fails keeps no other from its own."""
        for lister in list(self._desk.listers()):
            try:
                await self._look(lister)
            except (StoreUnavailable, ArtifactUnavailable, DamagedArchive) as error:
                self._desk.tell(lister, None, type(error).__name__)

    async def _look(self, lister: Lister) -> None:
        now_ms = await self._runtime.accounts.now_ms()
        every_s = self._runtime.live.snapshot.engine.orphans.every_s
        turn = await self._looks.begin(
            lister.provider, lister.account, now_ms=now_ms, every_s=every_s
        )
        if turn is None:
            return
        # What stays unexplained is not looked at for ever.
        since_ms = max(turn.since_ms or 0, now_ms - self._desk.back_ms)
        looked = await self._desk.look(lister, since_ms)
        await self._desk.charge(looked, MANDATE)
        if looked.failure is None:
            await self._looks.end(lister.provider, lister.account, turn, until_ms=looked.done_ms)
        self._desk.tell(lister, looked, looked.outcome)
