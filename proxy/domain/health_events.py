"""Events about how providers and their accounts stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.domain.ids import JobId, ModelName, ProviderName


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderFailed:
    """A provider ended an accepted job without a video; `kind` is a kind of failure."""

    job: JobId
    provider: ProviderName
    account: str
    model: ModelName
    kind: str
    upstream_code: str | None
    is_classified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerMoved:
    """A circuit breaker changed its state, told by one process of the fleet.

    `before` and `after` are states (closed, open, half_open); `after` may be "gone": the provider
    said that the model is. `model` is None for the breaker of a whole account.
    """

    provider: ProviderName
    account: str
    model: ModelName | None
    operation: str
    before: str
    after: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeBegan:
    """A job tries in everybody's stead whether a provider account works again."""

    job: JobId
    provider: ProviderName
    account: str
    model: ModelName | None
    operation: str
