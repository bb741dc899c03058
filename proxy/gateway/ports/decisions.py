"""The record of routing decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from proxy.domain.decision import Decision
    from proxy.domain.ids import ModelName


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionQuery:
    """Which decisions are looked for: of a team, an outcome, or with an offer chosen."""

    since_ms: int | None = None
    until_ms: int | None = None
    team: str | None = None
    outcome: str | None = None
    policy: str | None = None
    provider: str | None = None
    model: str | None = None
    requested_model: str | None = None
    limit: int = 100

    def wants(self, decision: Decision, aliases: Mapping[str, ModelName]) -> bool:
        """Say whether a decision is meant; whoever asked by an alias asked for its model."""
        chosen, asked = decision.candidate, decision.plan.requested_model
        pairs = (
            (self.team, decision.team),
            (self.outcome, decision.outcome),
            (self.policy, decision.plan.policy),
            (self.provider, chosen and chosen.provider),
            (self.model, chosen and chosen.model),
            (_meant(self.requested_model, aliases), _meant(asked, aliases)),
        )
        return all(wanted is None or wanted == found for wanted, found in pairs)


def _meant(model: str | None, aliases: Mapping[str, ModelName]) -> str | None:
    return None if model is None else aliases.get(model, model)


class DecisionLog(Protocol):
    """The latest decisions of all processes. Every method raises StoreUnavailable."""

    async def append(self, decisions: Sequence[Decision], *, keep: int) -> None:
        """Add one or more, in one replay-safe step, and forget all but about the latest `keep`.

        Called again with the same decisions it adds nothing.
        """

    def read(
        self,
        since_ms: int | None = None,
        until_ms: int | None = None,
        *,
        is_latest_first: bool = False,
    ) -> AsyncIterator[Decision]:
        """Decisions of [since, until) by the store's clock."""
