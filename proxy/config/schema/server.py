"""config.yaml: the server's own settings. What they mean stands in docs/configuration.md."""

from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field

from proxy.config.schema.fields import (
    Count,
    DurationMs,
    Flag,
    HostPort,
    HostSuffix,
    HttpUrl,
    Items,
    KeyIdText,
    Name,
    Origin,
    Percent,
    RatePerS,
    Section,
    Sha256,
    SizeBytes,
    SomeItems,
    Text,
    one_of,
)
from proxy.config.schema.limits import BucketSection
from proxy.domain.bucket import LimitMode
from proxy.domain.engine import UnknownThen
from proxy.domain.notice import NoticeKind
from proxy.domain.orphan_rule import OrphanRule

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
# Source: https://github.com/standard-webhooks/standard-webhooks (spec, retry schedule), 2026-08.
NOTIFY_AFTER_MS = (
    *(5_000, 5 * MINUTE_MS, 30 * MINUTE_MS),
    *(hours * HOUR_MS for hours in (2, 5, 10, 14, 20, 24)),
)


class AdminTokenSection(Section):
    """One admin token; `greenlight keys create-admin` prints this line."""

    id: KeyIdText
    name: Name
    role: Annotated[str, BeforeValidator(one_of("viewer", "finance", "operator"))]
    sha256: Sha256


class AdminBucketSection(BucketSection):
    """How fast the holder of one token may ask."""

    capacity: Annotated[Count, Field(ge=1, le=1_000_000)] = 600
    refill: RatePerS = Fraction(60)


class AdminSection(Section):
    """The admin listener."""

    listen: HostPort = "127.0.0.1:8081"
    limit: AdminBucketSection = Field(default_factory=AdminBucketSection)
    tokens: Items[AdminTokenSection] = Field(default_factory=dict)


class StoreSection(Section):
    """Where jobs and money are kept."""

    url: Text = "redis+embedded://./var/redis?fsync=everysec"
    connect_timeout: DurationMs = 500
    socket_timeout: DurationMs = 1_000


class ArtifactsSection(Section):
    """Where finished videos are kept."""

    url: Text = "file://./var/artifacts"
    max_bytes: SizeBytes = 4 * 2**30
    link_secret: Text | None = None


class ImageUrlsSection(Section):
    """Pictures that callers name by URL."""

    origins: Items[Origin] = Field(default_factory=dict)
    timeout: DurationMs = 10_000


class CallbacksSection(Section):
    """Where providers reach this server to say that a video is done."""

    base_url: HttpUrl | None = None


class TracingSection(Section):
    """Where spans are sent."""

    endpoint: HttpUrl | None = None


class AccountSection(Section):
    """One account at a provider."""

    name: Name
    credentials: dict[str, Text] = Field(default_factory=dict)
    slots: Annotated[Count, Field(ge=1, le=100_000)] = 5
    submit: BucketSection | None = None
    orphans: OrphanRule = OrphanRule.NAMED


class PollSection(Section):
    """When a running job is asked about."""

    first: DurationMs = 15_000
    min: DurationMs = 5_000
    max: DurationMs = 15_000


class TimeoutsSection(Section):
    """How long one call to a provider may take."""

    connect: DurationMs = 5_000
    submit: DurationMs = 30_000
    status: DurationMs = 15_000
    download: DurationMs = 5 * MINUTE_MS


class ProviderSection(Section):
    """One provider."""

    base_url: HttpUrl | None = None
    output_hosts: Items[HostSuffix] = Field(default_factory=dict)
    accounts: SomeItems[AccountSection]
    poll: PollSection = Field(default_factory=PollSection)
    timeouts: TimeoutsSection = Field(default_factory=TimeoutsSection)
    give_up_after: DurationMs = HOUR_MS


class UnknownSection(Section):
    """What becomes of a submit whose outcome can't be known."""

    look_up_after: Items[DurationMs] = Field(
        default_factory=lambda: dict(
            enumerate((MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, 60 * MINUTE_MS))
        )
    )
    then: UnknownThen = UnknownThen.ASSUME_CHARGED


class WorkerSection(Section):
    """The engine that dispatches, polls, stores and settles."""

    lease: DurationMs = 30_000
    tick: DurationMs = 200
    concurrency: Annotated[Count, Field(ge=1, le=10_000)] = 64
    account_concurrency: Annotated[Count, Field(ge=1, le=10_000)] = 16
    max_attempts: Annotated[Count, Field(ge=1, le=20)] = 3
    max_queue_wait: DurationMs = 10 * MINUTE_MS
    upkeep_every: DurationMs = 60 * MINUTE_MS
    alert_every: DurationMs = 5_000
    notify_after: Items[DurationMs] = Field(
        default_factory=lambda: dict(enumerate(NOTIFY_AFTER_MS))
    )
    notify_timeout: DurationMs = 15_000
    archive_after: DurationMs = 2 * 24 * 60 * MINUTE_MS
    verify_every: DurationMs = 6 * 60 * MINUTE_MS
    throttle_wait: DurationMs = 5_000
    retry_wait: DurationMs = 1_000
    status_retries: Annotated[Count, Field(ge=0, le=100)] = 3
    download_retries: Annotated[Count, Field(ge=0, le=100)] = 3


class OrphansSection(Section):
    """When the vendors' own lists are looked through for what no attempt explains."""

    every: DurationMs = HOUR_MS
    grace: DurationMs = 2 * HOUR_MS
    back: DurationMs = 7 * 24 * HOUR_MS


class BreakerSection(Section):
    """When submits to an ailing provider stop, and when one is tried again."""

    mode: LimitMode = LimitMode.ENFORCE
    failures: Annotated[Count, Field(ge=1, le=10_000)] = 5
    ratio: Percent = 50
    ratio_of_at_least: Annotated[Count, Field(ge=1, le=10_000)] = 10
    window: DurationMs = MINUTE_MS
    open_min: DurationMs = 30_000
    open_max: DurationMs = 10 * MINUTE_MS
    cache: DurationMs = 1_000


class DecisionsSection(Section):
    """The record of routing decisions."""

    keep: Annotated[Count, Field(ge=100, le=1_000_000)] = 20_000


class OutageSection(Section):
    """What is still answered while the store is away."""

    replicas: Annotated[Count, Field(ge=1, le=10_000)] = 1
    remember: Annotated[Count, Field(ge=0, le=100_000)] = 1_000
    remember_for: DurationMs = 10 * MINUTE_MS


class NotifySection(Section):
    """Where events are sent."""

    on: SomeItems[Annotated[str, BeforeValidator(one_of(*NoticeKind))]]
    url: Text
    secret: Text
    private: Flag = False


class WebhooksSection(Section):
    """Where the ends of videos may be told besides public https hosts."""

    origins: Items[Origin] = Field(default_factory=dict)


class ServerSchema(Section):
    """The whole of config.yaml."""

    listen: HostPort = "127.0.0.1:8080"
    admin: AdminSection = Field(default_factory=AdminSection)
    public_url: HttpUrl | None = None
    stop_within: DurationMs = 28_000
    store: StoreSection = Field(default_factory=StoreSection)
    artifacts: ArtifactsSection = Field(default_factory=ArtifactsSection)
    image_urls: ImageUrlsSection = Field(default_factory=ImageUrlsSection)
    callbacks: CallbacksSection = Field(default_factory=CallbacksSection)
    tracing: TracingSection = Field(default_factory=TracingSection)
    policies: Text = "./policies"
    providers: dict[Name, ProviderSection] = Field(default_factory=dict)
    unknown: UnknownSection = Field(default_factory=UnknownSection)
    worker: WorkerSection = Field(default_factory=WorkerSection)
    outage: OutageSection = Field(default_factory=OutageSection)
    orphans: OrphansSection = Field(default_factory=OrphansSection)
    breaker: BreakerSection = Field(default_factory=BreakerSection)
    decisions: DecisionsSection = Field(default_factory=DecisionsSection)
    notify: Items[NotifySection] = Field(default_factory=dict)
    webhooks: WebhooksSection = Field(default_factory=WebhooksSection)
