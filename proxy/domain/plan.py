"""What routing decides: candidates in order, and what was left out, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.ids import ModelName, PolicyName, ProviderName
    from proxy.domain.source import Way
    from proxy.domain.video import Shape, Substitute


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One offer that can make the job, priced at the job's shape.

    `reason` says why it stands where it stands, `score` what the policy's weights come to (None
    where a policy sorts). `way` is how it is given the video that the job starts from, None where
    there is none.
    """

    provider: ProviderName
    model: ModelName
    upstream: str
    shape: Shape
    quote_micro_usd: int
    price_id: str
    reason: str
    score: float | None = None
    way: Way | None = None

    @property
    def offer_id(self) -> str:
        """Stable name of the offer: "provider/upstream"."""
        return f"{self.provider}/{self.upstream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """One offer considered and left out; `code` is stable, `detail` names what is allowed."""

    provider: ProviderName
    model: ModelName
    code: str
    detail: str
    quote_micro_usd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Why another policy than the asked one ranked.

    A budget was used beyond so many percent; None: the asked one found no offer, and this is its
    fallback.
    """

    asked: PolicyName
    above_percent: int | None = None
    budget: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The routing decision: candidates in the order in which they will be tried.

    `policy` is the one that ranked; `switch` says so if that is not the one that was asked for.
    """

    policy: PolicyName
    requested_model: str | None
    substitute: Substitute
    candidates: tuple[Candidate, ...]
    skipped: tuple[Skipped, ...]
    switch: Switch | None = None
