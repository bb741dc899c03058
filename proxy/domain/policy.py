"""The compiled configuration: everything one request needs to know, read once per request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from proxy.domain.bucket import LimitMode
from proxy.domain.orphan_rule import OrphanRule
from proxy.domain.outage import Outage
from proxy.domain.price import BillsOn, Price
from proxy.domain.video import Substitute

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from proxy.domain.bucket import RateLimit
    from proxy.domain.engine import Engine
    from proxy.domain.ids import KeyId, ModelName, PolicyName, ProviderName, TeamId
    from proxy.domain.moderation import Moderation
    from proxy.domain.period import PeriodKind
    from proxy.domain.routing import RoutingPolicy
    from proxy.domain.source import SourceSupport, Verb
    from proxy.domain.video_event import VideoEvent

ORGANISATION = "org"


class Scope(StrEnum):
    """What a key may do."""

    SUBMIT = "submit"
    READ = "read"


class OnExceed(StrEnum):
    """What a full budget does to a candidate: refuse the request, try the next one, or warn."""

    DENY = "deny"
    NEXT = "next"
    ALLOW = "allow"


class RouteClass(StrEnum):
    """Classes of routes with a token bucket each."""

    SUBMIT = "submit"
    POLL = "poll"
    CONTENT = "content"
    ADMIN = "admin"


class AudioSupport(StrEnum):
    """Whether an offer's videos carry sound."""

    NONE = "none"
    OPTIONAL = "optional"
    ALWAYS = "always"


class FrameSupport(StrEnum):
    """Whether an offer takes a first frame."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a budget counts; each field set must match (model, provider, policy are globs)."""

    model: str | None = None
    provider: str | None = None
    policy: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def covers(
        self, *, model: str, provider: str, policy: str, metadata: Mapping[str, str]
    ) -> bool:
        """Say whether an attempt with these properties is counted."""
        pairs = ((self.model, model), (self.provider, provider), (self.policy, policy))
        return all(
            pattern is None or fnmatchcase(value, pattern) for pattern, value in pairs
        ) and all(metadata.get(name) == value for name, value in self.metadata.items())

    def canonical(self) -> str:
        """The match as canonical JSON: equal matches make equal accounts."""
        fields = {"model": self.model, "provider": self.provider, "policy": self.policy}
        named: dict[str, object] = {name: value for name, value in fields.items() if value}
        if self.metadata:
            named["metadata"] = dict(self.metadata)
        return json.dumps(named, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on an account. `scope` is "org", "team:<t>" or "key:<id>"; alerts in percent."""

    id: str
    scope: str
    period: PeriodKind
    limit_micro_usd: int
    timezone: ZoneInfo
    start_day: int = 1
    on_exceed: OnExceed = OnExceed.DENY
    match: Match | None = None
    alert_at_percent: tuple[int, ...] = ()

    @property
    def account(self) -> str:
        """Name of the account this limits: its scope with the match, and its period kind."""
        scope = self.scope + (self.match.canonical() if self.match else "")
        fiscal = f"@{self.start_day}" if self.start_day != 1 else ""
        return f"{scope}|{self.period}{fiscal}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One live key of a team; the secret is known only as the SHA-256 of the printed key.

    `limits` are its own, beside its team's; `limit_mode` is theirs, and that of `moderation`
    (None: its refusals are not counted).
    """

    id: KeyId
    team: TeamId
    name: str
    sha256: str
    expires_at_s: float | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    limits: Mapping[RouteClass, RateLimit] = field(default_factory=dict)
    limit_mode: LimitMode = LimitMode.ENFORCE
    moderation: Moderation | None = None
    budgets: tuple[Budget, ...] = ()

    @property
    def cool_down(self) -> LimitMode | None:
        """What a cool-down of this key does; None: there is none."""
        return None if self.moderation is None else self.limit_mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a team may route to; `models` are globs, `default` is a policy name."""

    policies: tuple[PolicyName, ...]
    models: tuple[str, ...]
    default: PolicyName

    def allows_model(self, model: str) -> bool:
        """Say whether a model id is allowed by one of the globs."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long a terminal job's record and its artifact are kept."""

    artifacts_s: int
    jobs_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A receiver of a team's own that is told of its videos; `id` reveals nothing."""

    id: str
    events: frozenset[VideoEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """One team with every default filled in. `limits` has all route classes but admin.

    `signs_webhook_urls`: there is a secret for the `webhook_url` of its creates.
    """

    id: TeamId
    cost_center: str | None
    timezone: ZoneInfo
    weight: int
    budgets: tuple[Budget, ...]
    use: Use
    limits: Mapping[RouteClass, RateLimit]
    queued: int
    running: int
    retention: Retention
    substitute: Substitute
    deadline_s: int
    limit_mode: LimitMode = LimitMode.ENFORCE
    webhooks: tuple[Webhook, ...] = ()
    signs_webhook_urls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a provider runs; scores are the organisation's opinion, 0 to 100."""

    name: ModelName
    aliases: tuple[str, ...] = ()
    scores: Mapping[str, int] = field(default_factory=dict)
    scores_as_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an offer can make. `seconds` is every allowed length, ascending.

    `last_frame` lists the resolutions at which a last frame may be given. `reference_images` is
    how many there may be; `reference_images_seconds` the lengths they allow (empty: all), and
    with `reference_images_with_frames` they may stand beside a first or last frame.
    `picture_types` are media types (empty: any); `picture_bytes_max` is the size of one picture.
    `creates`: from a prompt. `verbs` is what else it does, starting from a finished video.
    """

    seconds: tuple[int, ...]
    resolutions: tuple[str, ...]
    aspect_ratios: tuple[str, ...]
    audio: AudioSupport
    first_frame: FrameSupport = FrameSupport.NONE
    last_frame: tuple[str, ...] = ()
    reference_images: int = 0
    reference_images_seconds: tuple[int, ...] = ()
    reference_images_with_frames: bool = False
    negative_prompt: bool = False
    seed: bool = False
    prompt_chars_max: int | None = None
    picture_types: tuple[str, ...] = ()
    picture_bytes_max: int | None = None
    creates: bool = True
    verbs: Mapping[Verb, SourceSupport] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """When an offer ages, as Unix seconds; `retires_at_s` alone stops routing."""

    deprecated_at_s: float | None = None
    retires_not_before_s: float | None = None
    retires_at_s: float | None = None
    successors: tuple[ModelName, ...] = ()

    def is_retired(self, now_s: float) -> bool:
        """Say whether the sure retirement date has passed."""
        return self.retires_at_s is not None and now_s >= self.retires_at_s

    def is_deprecated(self, now_s: float) -> bool:
        """Say whether the vendor has announced the end, or a retirement date is known."""
        if self.deprecated_at_s is not None:
            return now_s >= self.deprecated_at_s
        return self.retires_at_s is not None or self.retires_not_before_s is not None

    @property
    def sunset_s(self) -> float | None:
        """The date for the Sunset header: the sure one, else the earliest one the vendor names."""
        return self.retires_at_s if self.retires_at_s is not None else self.retires_not_before_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A model sold by a provider. `prices` empty = unknown: never routed to."""

    provider: ProviderName
    model: ModelName
    upstream: str
    can: Capabilities
    audio_default: bool
    prices: tuple[Price, ...]
    bills_on: BillsOn = field(default_factory=BillsOn)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    typical_render_s: float | None = None

    @property
    def id(self) -> str:
        """Stable name of the offer: "provider/upstream"."""
        return f"{self.provider}/{self.upstream}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account at a provider; not configured = credentials unset, `reason` says which."""

    name: str
    is_configured: bool
    reason: str | None
    slots: int
    submit: RateLimit | None = None
    orphans: OrphanRule = OrphanRule.NAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTimes:
    """When a running job is asked about: first, then between min and max (seconds)."""

    first_s: float
    min_s: float
    max_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Routing's view of a provider; credentials and timeouts belong to its adapter."""

    name: ProviderName
    accounts: tuple[Account, ...]
    poll: PollTimes
    give_up_after_s: float
    submit_timeout_s: float

    @property
    def is_configured(self) -> bool:
        """Say whether at least one account can be used."""
        return any(account.is_configured for account in self.accounts)

    def has(self, account: str) -> bool:
        """Say whether an account of that name can be used."""
        return any(item.is_configured and item.name == account for item in self.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminToken:
    """One admin token, known by the SHA-256 of its printed form."""

    id: str
    name: str
    role: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One immutable configuration. `digest` (hex) names it in reservations and logs.

    `public_url` is where this server is reached from outside, None where nobody said.
    """

    digest: str
    organisation_budgets: tuple[Budget, ...]
    teams: Mapping[TeamId, Team]
    keys: Mapping[KeyId, ApiKey]
    admin_tokens: Mapping[str, AdminToken]
    policies: Mapping[PolicyName, RoutingPolicy]
    models: Mapping[ModelName, Model]
    aliases: Mapping[str, ModelName]
    offers: tuple[Offer, ...]
    providers: Mapping[ProviderName, Provider]
    engine: Engine
    artifact_bytes_max: int
    public_url: str | None = None
    admin_limit: RateLimit | None = None
    outage: Outage = field(default_factory=Outage)

    def offer(self, offer_id: str) -> Offer | None:
        """The offer of a name ("provider/upstream"), None when the catalog no longer has it."""
        return next((offer for offer in self.offers if offer.id == offer_id), None)
