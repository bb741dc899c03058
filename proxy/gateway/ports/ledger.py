"""The ledger: reading and proving it, and what persons change about money, each time on record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Mapping

    from proxy.domain.ids import KeyId, ProviderName, TeamId
    from proxy.domain.ledger import Charge, Entry
    from proxy.domain.proof import Verification
    from proxy.domain.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """Who changes something by hand, and why.

    `operation` makes a change replay-safe: asked for again, it returns its first result and
    changes nothing. `actor` is the admin token's name with its id, `role` its role.
    """

    operation: str
    actor: str
    role: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change by a person. `before` and `after` are short texts, such as "1.00" or "frozen"."""

    id: str
    operation: str
    actor: str
    role: str
    action: str
    target: str
    reason: str
    before: str
    after: str

    @property
    def at_ms(self) -> int:
        """The store's clock when it happened."""
        return int(self.id.partition("-")[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A change stands in the ledger, in micro-USD: what this one moved, and the sum of its kind.

    adjust, unattributed: all adjustments of the attempt (the task) so far. write_off: the same
    as the amount. override: what the overrides of the balance that live now add to its limit.
    """

    entry_id: str
    amount_micro_usd: int
    total_micro_usd: int


class NotPosted(StrEnum):
    """Why a change was refused; nothing was changed."""

    STALE = "stale"
    """The attempt (or task) was changed since it was read: read the ledger again."""
    OPEN = "open"
    """The attempt is not resolved yet."""
    BELOW_ZERO = "below_zero"
    """It would leave the attempt (or task) with a cost below zero."""
    NOTHING = "nothing"
    """There is nothing to change: it costs nothing, or was written off before."""
    UNKNOWN = "unknown"
    """There is no such live override."""
    EXPIRED = "expired"
    """It would have ended before it began."""
    TOO_MANY = "too_many"
    """The team (or the organisation) has as many live overrides as it may have."""


class Ledger(Protocol):
    """The ledger. Every change is one script, made once per `mandate.operation`, with its audit.

    Every method raises StoreUnavailable when the store does not answer; asking again with the
    same operation tells. A change raises IdempotencyConflict if its operation was another action,
    or on another target, before.
    """

    def entries(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Entries of [since, until) by the store's clock, oldest first."""

    def audit(
        self, since_ms: int | None = None, until_ms: int | None = None
    ) -> AsyncIterator[AuditEntry]:
        """Changes by persons of [since, until) by the store's clock, oldest first."""

    async def verify(
        self,
        *,
        earlier: AsyncIterable[Entry] | None = None,
        limits: Mapping[str, int] | None = None,
    ) -> Verification:
        """Prove the laws of `Law` from the entries alone, also while money moves.

        Args:
            earlier: entries that were archived and trimmed from the stream, oldest first.
            limits: micro-USD by balance name, of budgets whose limit never changed; with it, each
                reserve is weighed again.
        """

    async def adjust(
        self, standing: Standing, delta_micro_usd: int, mandate: Mandate
    ) -> Posted | NotPosted:
        """Correct what a resolved attempt was charged, on its own balances.

        Those are the standing's, and those of accounts that were opened since and took it over.
        `standing` is compared and set: STALE if the attempt was adjusted or written off since.
        The team of an attempt that was written off is not touched: only the organisation bears
        it.
        """

    async def write_off(self, standing: Standing, mandate: Mandate) -> Posted | NotPosted:
        """Take what a resolved attempt costs off its team and key; the organisation keeps it.

        It reaches the same balances as `adjust` does.
        """

    async def unattributed(
        self,
        charge: Charge,
        delta_micro_usd: int,
        mandate: Mandate,
        *,
        known_micro_usd: int,
        balances: tuple[str, ...],
        first_id: str = "",
    ) -> Posted | NotPosted:
        """Charge what a vendor bills and no attempt explains.

        Args:
            charge: provider, account and task name the vendor's task.
            delta_micro_usd: what comes to it; below 0 once an attempt is found after all.
            mandate: who, and why.
            known_micro_usd: what the task was charged with so far, compared and set.
            balances: the organisation's balances that count it, and the `unattributed` one.
            first_id: the entry that charged the task first; accounts that were opened since and
                took it over are reached too.
        """

    async def override(
        self, balance: str, team: TeamId | None, mandate: Mandate, *, micro_usd: int, until_ms: int
    ) -> Posted | NotPosted:
        """Let a balance (the organisation's if no `team`) be used beyond its limit, for a while.

        The override's id is the mandate's operation.
        """

    async def revoke_override(
        self, override: str, team: TeamId | None, mandate: Mandate
    ) -> Posted | NotPosted:
        """End a live override at once."""

    async def freeze(
        self, mandate: Mandate, *, team: TeamId | None = None, provider: ProviderName | None = None
    ) -> bool:
        """Stop new spend of a team, at a provider, or (with neither) altogether.

        Returns whether that changed anything.
        """

    async def thaw(
        self, mandate: Mandate, *, team: TeamId | None = None, provider: ProviderName | None = None
    ) -> bool:
        """End a freeze; returns whether there was one."""

    async def drain(
        self, mandate: Mandate, *, provider: ProviderName, account: str | None = None
    ) -> bool:
        """Let nothing new go to a provider, or one account of it; returns whether that is new."""

    async def resume(
        self, mandate: Mandate, *, provider: ProviderName, account: str | None = None
    ) -> bool:
        """End a drain; returns whether there was one."""

    async def revoke_key(self, team: TeamId, key: KeyId, mandate: Mandate) -> bool:
        """Refuse an API key from now on, for good; returns whether that is new."""

    async def end_cool_down(self, team: TeamId, key: KeyId, mandate: Mandate) -> bool:
        """Forget a key's refusals of content, and with them its cool-down.

        Returns whether there was anything to forget.
        """

    async def note(
        self, mandate: Mandate, *, action: str, target: str, before: str, after: str
    ) -> None:
        """Put on record what a person changed outside of the store."""
