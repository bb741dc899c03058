"""Whether the store has all that the ledger's files say: one that was lost must not be spent from.

An empty store would admit as if nothing had been spent, and an older copy would buy again what was
queued in it. So nothing that moves money is done before this is known, and while it is not so.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.domain.errors import RestoreNeeded, StoreUnavailable
from proxy.domain.ledger_file import id_order
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.gateway.archive import Archive
    from proxy.gateway.ports.runtime import Clock

LOOK_EVERY_S = 1.0
"""Answers that say no hold so long, however many ask."""


class Wholeness:
    """Looks once; a store that is whole stays it, unless it is lost under us."""

    def __init__(self, archive: Archive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._lock = asyncio.Lock()
        self._cut_at: str | None = None
        self._refuse: Callable[[], StoreUnavailable] | None = None
        self._asked_s = 0.0

    async def ensure(self) -> None:
        """Go on only with a whole store.

        Raises:
            RestoreNeeded: it lacks what the ledger's files hold.
            StoreUnavailable: it cannot be told.
        """
        if self._cut_at is not None:
            return
        async with self._lock:
            if self._cut_at is None:
                await self._look()

    async def look_again(self) -> bool:
        """Notice a store that was lost or put back since; returns whether this one was.

        Raises:
            StoreUnavailable: it cannot be told.
        """
        before = self._cut_at
        if before is None:
            return False
        now = await self._archive.cut_at()
        if id_order(now or "0-0") >= id_order(before or "0-0"):
            self._cut_at = now
            return False
        self.forget()
        return True

    def forget(self) -> None:
        """Look before anything else is done."""
        self._cut_at, self._refuse = None, None

    async def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._refuse is not None and now_s - self._asked_s < LOOK_EVERY_S:
            raise self._refuse()
        self._asked_s = now_s
        try:
            self._cut_at = await self._archive.ensure_whole()
        except RestoreNeeded as error:
            message = error.message
            self._refuse = lambda: RestoreNeeded(message)
            raise
        except (ArtifactUnavailable, DamagedArchive) as error:
            self._refuse = _unreadable
            raise _unreadable() from error
        self._refuse = None


def _unreadable() -> StoreUnavailable:
    message = "the ledger's files, which tell whether the store is whole, cannot be read"
    return StoreUnavailable(message, retry_after_s=5)
