"""Parts of the schemas that several files share: token buckets and budgets."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from proxy.config.schema.fields import (
    Count,
    DurationMs,
    FaultAtError,
    Glob,
    Items,
    MicroUsd,
    Name,
    Percent,
    RatePerS,
    Section,
    Text,
)
from proxy.domain.bucket import LimitMode
from proxy.domain.period import PeriodKind
from proxy.domain.policy import OnExceed

_FISCAL: Final = frozenset({PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR})


class BucketSection(Section):
    """A token bucket: how many at once, and how fast they come back."""

    capacity: Annotated[Count, Field(ge=1, le=1_000_000)]
    refill: RatePerS


class ModerationSection(Section):
    """When a key whose videos are refused for their content must pause; 0 refusals: never."""

    refusals: Annotated[Count, Field(ge=0, le=100)] | None = None
    within: DurationMs | None = None
    cool_down: DurationMs | None = None


class LimitsSection(Section):
    """Token buckets of the route classes; whatever is left out keeps the value from above."""

    mode: LimitMode | None = None
    moderation: ModerationSection = Field(default_factory=ModerationSection)
    submit: BucketSection | None = None
    poll: BucketSection | None = None
    content: BucketSection | None = None


class MatchSection(Section):
    """What a budget counts, if not everything in its scope."""

    model: Glob | None = None
    provider: Glob | None = None
    policy: Glob | None = None
    metadata: dict[Text, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            message = "is empty; write at least one of model, provider, policy, metadata"
            raise ValueError(message)
        return self


class BudgetSection(Section):
    """A limit on what a scope may spend in each period."""

    id: Name
    period: PeriodKind
    limit: MicroUsd
    alert_at: Items[Percent] = Field(default_factory=dict)
    match: MatchSection | None = None
    on_exceed: OnExceed = OnExceed.DENY
    start_day: Annotated[Count, Field(ge=1, le=31)] = 1

    @model_validator(mode="after")
    def _start_day_fits(self) -> Self:
        if "start_day" in self.model_fields_set and self.period not in _FISCAL:
            message = f"has no meaning for period {self.period}; allowed with month, quarter, year"
            raise FaultAtError(message, "start_day")
        return self
