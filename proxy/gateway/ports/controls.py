"""What persons have in force now: overrides, freezes, drains, revoked keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.domain.ids import KeyId, ProviderName, TeamId
    from proxy.domain.moderation import Record
    from proxy.gateway.ports.ledger import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveOverride:
    """What is added to a balance's limit until an instant (Unix ms of the store's clock).

    `team` is None for a balance of the organisation. `change` is who made it, when and why; its
    operation is the override's id.
    """

    team: TeamId | None
    balance: str
    micro_usd: int
    until_ms: int
    change: AuditEntry

    @property
    def id(self) -> str:
        """The override's name: the operation that made it."""
        return self.change.operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """New spend that is stopped: a team's, a provider's, or (with neither) all of it."""

    team: TeamId | None
    provider: ProviderName | None
    change: AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """A provider, or one account of it, to which nothing new is sent."""

    provider: ProviderName
    account: str | None
    change: AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveControls:
    """All of it."""

    overrides: tuple[LiveOverride, ...]
    freezes: tuple[Freeze, ...]
    drains: tuple[Drain, ...]
    revoked: frozenset[tuple[TeamId, KeyId]]


class Controls(Protocol):
    """Reading what persons have in force."""

    async def in_force(self) -> LiveControls:
        """Read all of it. Raises StoreUnavailable."""

    async def refusals(self, keys: Sequence[tuple[TeamId, KeyId]]) -> Sequence[Record]:
        """What is known of each key's refused contents. Raises StoreUnavailable."""
