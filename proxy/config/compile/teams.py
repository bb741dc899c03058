"""The files of policies/ as the domain's teams, keys and routing policies."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from proxy.config.compile.limits import (
    compile_budgets,
    compile_limits,
    compile_mode,
    compile_moderation,
    first,
)
from proxy.config.schema.limits import LimitsSection
from proxy.config.schema.policies import (
    DefaultsSection,
    KeySection,
    OfferMatchSection,
    OrganisationSchema,
    RoutingSchema,
    RoutingSection,
    TeamSchema,
)
from proxy.config.settings import TeamHooks
from proxy.domain.ids import KeyId, PolicyName, TeamId
from proxy.domain.policy import (
    ORGANISATION,
    ApiKey,
    Budget,
    Retention,
    Team,
    Use,
    Webhook,
)
from proxy.domain.routing import OfferMatch, RoutingPolicy, WhenUsed
from proxy.domain.video_event import receiver_id

BUILT_IN: Final = DefaultsSection.model_validate(
    {
        "retention": {"artifacts": "30d", "jobs": "90d"},
        "substitute": "policy",
        "deadline": "1h",
        "limits": {
            "mode": "enforce",
            "moderation": {"refusals": 5, "within": "1h", "cool_down": "15m"},
            "submit": {"capacity": 20, "refill": "30/min"},
            "poll": {"capacity": 600, "refill": "200/s"},
            "content": {"capacity": 60, "refill": "5/s"},
        },
        "queued": 500,
        "running": 8,
    }
)
"""What holds where neither the team nor the organisation says anything."""


def midnight_s(day: date) -> float:
    """Unix seconds of 00:00 UTC."""
    return datetime.combine(day, time.min, UTC).timestamp()


def compile_organisation(organisation: OrganisationSchema) -> tuple[Budget, ...]:
    """Give the organisation's budgets their scope and time zone."""
    zone = ZoneInfo(organisation.timezone)
    return compile_budgets(organisation.budgets.values(), ORGANISATION, zone)


def compile_team(
    team: TeamSchema, organisation: OrganisationSchema, hooks: TeamHooks | None = None
) -> Team:
    """Fill every default of a team, from the organisation's, then from the built-in ones."""
    hooks = hooks or TeamHooks()
    layers = (team, organisation.defaults, BUILT_IN)
    name, zone = TeamId(team.team), ZoneInfo(team.timezone or organisation.timezone)
    return Team(
        id=name,
        cost_center=team.cost_center,
        timezone=zone,
        weight=team.weight,
        budgets=compile_budgets(team.budgets.values(), f"team:{name}", zone),
        use=Use(
            policies=tuple(PolicyName(policy) for policy in team.use.policies.values()),
            models=tuple(team.use.models.values()),
            default=PolicyName(team.use.default),
        ),
        limits=compile_limits(*(layer.limits for layer in reversed(layers))),
        limit_mode=compile_mode(*(layer.limits for layer in layers)),
        queued=first(layer.queued for layer in layers),
        running=first(layer.running for layer in layers),
        retention=compile_retention(*layers),
        substitute=first(layer.substitute for layer in layers),
        deadline_s=_whole_s(first(layer.deadline for layer in layers)),
        webhooks=tuple(
            Webhook(
                id=receiver_id(webhook.url.get_secret_value(), name),
                events=frozenset(webhook.events),
            )
            for webhook in hooks.webhooks
        ),
        signs_webhook_urls=bool(hooks.url_secrets),
    )


def compile_retention(*layers: DefaultsSection) -> Retention:
    """Find how long a team's work is kept; earlier layers win."""
    return Retention(
        artifacts_s=_whole_s(first(layer.retention.artifacts for layer in layers)),
        jobs_s=_whole_s(first(layer.retention.jobs for layer in layers)),
    )


def compile_keys(team: TeamSchema, organisation: OrganisationSchema) -> Iterable[ApiKey]:
    """Go through the keys of a team; what a key does not set, its team's buckets decide."""
    zone = ZoneInfo(team.timezone or organisation.timezone)
    above = (team.limits, organisation.defaults.limits, BUILT_IN.limits)
    for key in team.keys.values():
        yield _compile_key(key, TeamId(team.team), zone, above)


def _compile_key(
    key: KeySection, team: TeamId, zone: ZoneInfo, above: tuple[LimitsSection, ...]
) -> ApiKey:
    return ApiKey(
        id=KeyId(key.id),
        team=team,
        name=key.name,
        sha256=key.sha256,
        expires_at_s=None if key.expires is None else midnight_s(key.expires),
        scopes=frozenset(key.scopes.values()),
        limits=compile_limits(key.limits),
        limit_mode=compile_mode(key.limits, *above),
        moderation=compile_moderation(key.limits, *above),
        budgets=compile_budgets(key.budgets.values(), f"key:{key.id}", zone),
    )


def compile_routing(routing: RoutingSchema) -> dict[PolicyName, RoutingPolicy]:
    """Turn the policies into the domain's, by name."""
    return {
        PolicyName(name): _compile_policy(PolicyName(name), policy)
        for name, policy in routing.policies.items()
    }


def _compile_policy(name: PolicyName, policy: RoutingSection) -> RoutingPolicy:
    return RoutingPolicy(
        name=name,
        require_seconds=policy.require.seconds,
        require_resolution=policy.require.resolution,
        require_aspect_ratio=policy.require.aspect_ratio,
        require_audio=policy.require.audio,
        order=tuple(
            (term.removeprefix("-"), term.startswith("-")) for term in policy.order.values()
        ),
        weigh=dict(policy.weigh),
        when=tuple(
            WhenUsed(above_percent=rule.budget_used, use=PolicyName(rule.use), budget=rule.budget)
            for rule in policy.when.values()
        ),
        prefer=_compile_matches(policy.prefer.values()),
        exclude=_compile_matches(policy.exclude.values()),
        fallback=None if policy.fallback is None else PolicyName(policy.fallback),
        failover=policy.failover,
    )


def _compile_matches(terms: Iterable[OfferMatchSection]) -> tuple[OfferMatch, ...]:
    return tuple(OfferMatch(provider=term.provider, model=term.model) for term in terms)


def _whole_s(duration_ms: int) -> int:
    """Convert to whole seconds, rounded up: a kept time is never cut to nothing."""
    return -(-duration_ms // 1_000)
