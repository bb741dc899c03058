"""policies/: organisation.yaml, routing.yaml and teams/*.yaml, the files of finance and owners."""

from typing import Annotated, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from proxy.config.schema.fields import (
    AbovePercent,
    AspectRatio,
    Count,
    Date,
    DurationMs,
    Flag,
    Glob,
    Items,
    KeyIdText,
    Name,
    Resolution,
    Section,
    Sha256,
    SomeItems,
    Text,
    Timezone,
    matching,
    one_of,
)
from proxy.config.schema.limits import BudgetSection, LimitsSection
from proxy.domain.policy import Scope
from proxy.domain.routing import Failover
from proxy.domain.video import Substitute
from proxy.domain.video_event import ENDS

OrderTerm = Annotated[
    str,
    BeforeValidator(
        matching(
            r"-?[a-z][a-z0-9_]{0,63}",
            "price, latency, success or a score's name, with '-' before it for largest first",
        )
    ),
]
Weight = Annotated[float, Field(ge=0, le=1_000, strict=True)]
SECONDS_MAX: Final = 600
Seconds = Annotated[Count, Field(ge=1, le=SECONDS_MAX)]
CostCenter = Annotated[str, BeforeValidator(matching(r"[^\x00-\x1f]{1,64}", "1 to 64 characters"))]


class RetentionSection(Section):
    """How long finished work is kept."""

    artifacts: DurationMs | None = None
    jobs: DurationMs | None = None


class DefaultsSection(Section):
    """What a team may set; left out, the organisation's value holds, then the built-in one."""

    retention: RetentionSection = Field(default_factory=RetentionSection)
    substitute: Substitute | None = None
    deadline: DurationMs | None = None
    limits: LimitsSection = Field(default_factory=LimitsSection)
    queued: Annotated[Count, Field(ge=1, le=1_000_000)] | None = None
    running: Annotated[Count, Field(ge=1, le=100_000)] | None = None


class OrganisationSchema(Section):
    """organisation.yaml."""

    timezone: Timezone = "UTC"
    budgets: Items[BudgetSection] = Field(default_factory=dict)
    defaults: DefaultsSection = Field(default_factory=DefaultsSection)


class KeySection(Section):
    """One API key; `greenlight keys create` prints this line."""

    id: KeyIdText
    name: Name
    sha256: Sha256
    expires: Date | None = None
    scopes: SomeItems[Scope] = Field(default_factory=lambda: dict(enumerate(Scope)))
    limits: LimitsSection = Field(default_factory=LimitsSection)
    budgets: Items[BudgetSection] = Field(default_factory=dict)


class UseSection(Section):
    """What a team may route to."""

    policies: SomeItems[Name]
    models: SomeItems[Glob]
    default: Name


class WebhookSection(Section):
    """A receiver that is told of the ends of a team's videos."""

    on: SomeItems[Annotated[str, BeforeValidator(one_of(*ENDS))]]
    url: Text
    secret: Text


class TeamSchema(DefaultsSection):
    """One file of teams/."""

    team: Name
    cost_center: CostCenter | None = None
    timezone: Timezone | None = None
    weight: Annotated[Count, Field(ge=1, le=1_000)] = 1
    keys: Items[KeySection] = Field(default_factory=dict)
    budgets: Items[BudgetSection] = Field(default_factory=dict)
    webhook_secret: Text | None = None
    webhooks: Items[WebhookSection] = Field(default_factory=dict)
    use: UseSection


class RequireSection(Section):
    """What every video of a policy must be."""

    seconds: Seconds | None = None
    resolution: Resolution | None = None
    aspect_ratio: AspectRatio | None = None
    audio: Flag | None = None


class WhenSection(Section):
    """A rule that hands requests to another policy while a budget is well used."""

    budget_used: AbovePercent
    budget: Name | None = None
    use: Name


class OfferMatchSection(Section):
    """Offers that a policy means: of a provider, of a model, or of a model at a provider."""

    provider: Glob | None = None
    model: Glob | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.provider is None and self.model is None:
            message = "means every offer; at least one of provider and model is needed"
            raise ValueError(message)
        return self


class RoutingSection(Section):
    """One policy: what it requires, and how candidates are ranked."""

    description: Text | None = None
    require: RequireSection = Field(default_factory=RequireSection)
    order: SomeItems[OrderTerm] = Field(default_factory=dict)
    weigh: dict[str, Weight] = Field(default_factory=dict)
    prefer: Items[OfferMatchSection] = Field(default_factory=dict)
    exclude: Items[OfferMatchSection] = Field(default_factory=dict)
    when: Items[WhenSection] = Field(default_factory=dict)
    fallback: Name | None = None
    failover: Failover = Failover.SAME_MODEL

    @model_validator(mode="after")
    def _one_ranking(self) -> Self:
        if bool(self.order) == bool(self.weigh):
            message = "must be ranked by exactly one of order and weigh"
            raise ValueError(message)
        if self.weigh and not sum(self.weigh.values()):
            message = "has only weights of 0; at least one must be above 0"
            raise ValueError(message)
        return self


class RoutingSchema(Section):
    """routing.yaml."""

    policies: dict[Name, RoutingSection]
