"""What persons changed, the latest first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.gateway.ports.ledger import AuditEntry, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Which entries are shown; what is None does not matter. Instants in Unix ms."""

    since_ms: int | None = None
    until_ms: int | None = None
    action: str | None = None
    actor: str | None = None
    target: str | None = None
    limit: int = 100

    def is_met_by(self, entry: AuditEntry) -> bool:
        """Say whether an entry is one of them; an actor is known by name, by id, or by both."""
        actors = (entry.actor, *entry.actor.rstrip(")").split(" ("))
        return (
            self.action in (None, entry.action)
            and self.target in (None, entry.target)
            and (self.actor is None or self.actor in actors)
        )


async def latest(ledger: Ledger, noted: Noted) -> tuple[list[AuditEntry], bool]:
    """The last entries of a time, the latest first, and whether there are more.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    kept: deque[AuditEntry] = deque(maxlen=noted.limit + 1)
    async for entry in ledger.audit(noted.since_ms, noted.until_ms):
        if noted.is_met_by(entry):
            kept.append(entry)
    newest = list(reversed(kept))
    return newest[: noted.limit], len(newest) > noted.limit
