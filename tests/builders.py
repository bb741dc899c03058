"""Typed builders of valid configuration; a test names only what it is about.

The default world: Kling sells kling-3.0 and kling-2.6, Vertex sells veo-3.1-fast, OpenAI sold
sora-2 until it was switched off. Team "marketing" has one key, whose printed form is PRINTED_KEY.
Requests, plans, attempts and jobs: `tests.job_builders`.
"""

from __future__ import annotations

import hashlib
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from proxy.domain.bucket import LimitMode, RateLimit
from proxy.domain.engine import Engine, UnknownThen
from proxy.domain.ids import (
    KeyId,
    ModelName,
    PolicyName,
    ProviderName,
    TeamId,
)
from proxy.domain.orphan_rule import OrphanTimes
from proxy.domain.period import PeriodKind
from proxy.domain.policy import (
    Account,
    ApiKey,
    AudioSupport,
    Budget,
    Capabilities,
    FrameSupport,
    Lifecycle,
    Match,
    Model,
    Offer,
    OnExceed,
    PollTimes,
    Provider,
    Retention,
    RouteClass,
    Snapshot,
    Team,
    Use,
)
from proxy.domain.price import Billing, BillsOn, Price
from proxy.domain.routing import Failover, OfferMatch, RoutingPolicy, WhenUsed
from proxy.domain.video import Substitute
from tests.breakers import BREAKER_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy.domain.moderation import Moderation

NOW_S = 1_795_348_800.0
"""2026-11-22 12:00:00 UTC."""
NOW_MS = 1_795_348_800_000
RETIRED_S = 1_790_208_000.0
"""2026-09-24 00:00:00 UTC."""

MARKETING = TeamId("marketing")
PRINTED_KEY = "gl_k7f3q2ab_" + "s" * 43
KLING = ProviderName("kling")
VERTEX = ProviderName("vertex")
OPENAI = ProviderName("openai")
UTC = ZoneInfo("UTC")


def a_rate_limit(*, capacity: int = 20, interval_us: int = 2_000_000) -> RateLimit:
    return RateLimit(capacity=capacity, interval_us=interval_us)


def a_budget(
    *,
    id: str = "monthly",  # noqa: A002 - the field's name
    scope: str = "team:marketing",
    limit_micro_usd: int = 5_000_000_000,
    period: PeriodKind = PeriodKind.MONTH,
    timezone: ZoneInfo = UTC,
    start_day: int = 1,
    on_exceed: OnExceed = OnExceed.DENY,
    match: Match | None = None,
) -> Budget:
    return Budget(
        id=id,
        scope=scope,
        period=period,
        limit_micro_usd=limit_micro_usd,
        timezone=timezone,
        start_day=start_day,
        on_exceed=on_exceed,
        match=match,
    )


def a_key(
    *,
    printed: str = PRINTED_KEY,
    team: TeamId = MARKETING,
    expires_at_s: float | None = None,
    limits: Mapping[RouteClass, RateLimit] | None = None,
    limit_mode: LimitMode = LimitMode.ENFORCE,
    moderation: Moderation | None = None,
    budgets: Sequence[Budget] = (),
) -> ApiKey:
    """A key known by the hash of its printed form; its id is the middle part of that form."""
    return ApiKey(
        id=KeyId(printed.split("_")[1]),
        team=team,
        name="web",
        sha256=hashlib.sha256(printed.encode()).hexdigest(),
        expires_at_s=expires_at_s,
        limits=MappingProxyType(dict(limits or {})),
        limit_mode=limit_mode,
        moderation=moderation,
        budgets=tuple(budgets),
    )


def a_use(
    *,
    policies: Sequence[str] = ("cheapest", "cheapest_4k", "balanced"),
    models: Sequence[str] = ("*",),
    default: str = "cheapest",
) -> Use:
    return Use(
        policies=tuple(PolicyName(name) for name in policies),
        models=tuple(models),
        default=PolicyName(default),
    )


def a_team(
    *,
    id: TeamId = MARKETING,  # noqa: A002 - the field's name
    budgets: Sequence[Budget] | None = None,
    use: Use | None = None,
    limits: Mapping[RouteClass, RateLimit] | None = None,
    limit_mode: LimitMode = LimitMode.ENFORCE,
    queued: int = 500,
    running: int = 8,
    substitute: Substitute = Substitute.POLICY,
    deadline_s: int = 3600,
    timezone: ZoneInfo = UTC,
) -> Team:
    classes = (RouteClass.SUBMIT, RouteClass.POLL, RouteClass.CONTENT)
    return Team(
        id=id,
        cost_center="4711",
        timezone=timezone,
        weight=1,
        budgets=(a_budget(scope=f"team:{id}"),) if budgets is None else tuple(budgets),
        use=use or a_use(),
        limits=MappingProxyType(
            {name: a_rate_limit() for name in classes} if limits is None else dict(limits)
        ),
        limit_mode=limit_mode,
        queued=queued,
        running=running,
        retention=Retention(artifacts_s=30 * 86_400, jobs_s=90 * 86_400),
        substitute=substitute,
        deadline_s=deadline_s,
    )


def a_policy(
    name: str = "cheapest",
    *,
    order: Sequence[tuple[str, bool]] = (("price", False),),
    weigh: Mapping[str, float] | None = None,
    require_seconds: int | None = None,
    require_resolution: str | None = None,
    require_aspect_ratio: str | None = None,
    require_audio: bool | None = None,
    when: Sequence[WhenUsed] = (),
    prefer: Sequence[OfferMatch] = (),
    exclude: Sequence[OfferMatch] = (),
    fallback: str | None = None,
    failover: Failover = Failover.SAME_MODEL,
) -> RoutingPolicy:
    """A routing policy; with `weigh` there is no order."""
    return RoutingPolicy(
        name=PolicyName(name),
        order=() if weigh else tuple(order),
        weigh=MappingProxyType(dict(weigh or {})),
        require_seconds=require_seconds,
        require_resolution=require_resolution,
        require_aspect_ratio=require_aspect_ratio,
        require_audio=require_audio,
        when=tuple(when),
        prefer=tuple(prefer),
        exclude=tuple(exclude),
        fallback=None if fallback is None else PolicyName(fallback),
        failover=failover,
    )


def a_model(name: str, *, aliases: Sequence[str] = (), **scores: int) -> Model:
    return Model(
        name=ModelName(name),
        aliases=tuple(aliases),
        scores=MappingProxyType(scores),
        scores_as_of="2026-11-22",
    )


def a_price(
    resolution: str,
    per_second_micro_usd: int,
    *,
    audio: bool | None = None,
) -> Price:
    sound = {None: "any", True: "audio", False: "silent"}[audio]
    return Price(
        id=f"{resolution}-{sound}@2026-11-22",
        resolution=resolution,
        audio=audio,
        per_second_micro_usd=per_second_micro_usd,
    )


def an_offer(
    provider: ProviderName = KLING,
    model: str = "kling-3.0",
    *,
    seconds: Sequence[int] = tuple(range(3, 16)),
    resolutions: Sequence[str] = ("720p", "1080p", "4k"),
    aspect_ratios: Sequence[str] = ("16:9", "9:16", "1:1"),
    audio: AudioSupport = AudioSupport.OPTIONAL,
    first_frame: FrameSupport = FrameSupport.OPTIONAL,
    prompt_chars_max: int | None = None,
    audio_default: bool = False,
    prices: Sequence[Price] | None = None,
    bills_on: BillsOn | None = None,
    lifecycle: Lifecycle | None = None,
    typical_render_s: float | None = 120.0,
) -> Offer:
    """An offer; without `prices` every resolution costs $0.10 a second, with sound or without."""
    flat = [a_price(resolution, 100_000) for resolution in resolutions]
    return Offer(
        provider=provider,
        model=ModelName(model),
        upstream=f"{model}-upstream",
        can=Capabilities(
            seconds=tuple(seconds),
            resolutions=tuple(resolutions),
            aspect_ratios=tuple(aspect_ratios),
            audio=audio,
            first_frame=first_frame,
            prompt_chars_max=prompt_chars_max,
        ),
        audio_default=audio_default,
        prices=tuple(flat if prices is None else prices),
        bills_on=bills_on or BillsOn(failed=Billing.AS_REPORTED, filtered=Billing.AS_REPORTED),
        lifecycle=lifecycle or Lifecycle(),
        typical_render_s=typical_render_s,
    )


def the_offers() -> tuple[Offer, ...]:
    """The default catalog: two of Kling's, one of Vertex's, and the retired one."""
    kling_prices = [a_price("720p", 84_000), a_price("1080p", 112_000), a_price("4k", 420_000)]
    return (
        an_offer(prices=kling_prices),
        an_offer(
            model="kling-2.6",
            seconds=(5, 10),
            resolutions=("720p", "1080p"),
            prices=[a_price("720p", 42_000), a_price("1080p", 70_000)],
        ),
        an_offer(
            VERTEX,
            "veo-3.1-fast",
            seconds=(4, 6, 8),
            resolutions=("720p", "1080p"),
            aspect_ratios=("16:9", "9:16"),
            audio_default=True,
            prices=[
                a_price("720p", 80_000, audio=False),
                a_price("720p", 100_000, audio=True),
                a_price("1080p", 100_000, audio=False),
                a_price("1080p", 120_000, audio=True),
            ],
            typical_render_s=60.0,
        ),
        an_offer(
            OPENAI,
            "sora-2",
            seconds=(4, 8, 12),
            resolutions=("720p",),
            aspect_ratios=("16:9", "9:16"),
            audio=AudioSupport.ALWAYS,
            lifecycle=Lifecycle(
                deprecated_at_s=RETIRED_S - 180 * 86_400,
                retires_at_s=RETIRED_S,
                successors=(ModelName("kling-3.0"), ModelName("veo-3.1-fast")),
            ),
        ),
    )


def an_account(
    name: str = "main",
    *,
    is_configured: bool = True,
    slots: int = 20,
    submit: RateLimit | None = None,
) -> Account:
    reason = None if is_configured else f"credentials of {name} are unset"
    return Account(
        name=name, is_configured=is_configured, reason=reason, slots=slots, submit=submit
    )


def a_provider(
    name: ProviderName = KLING,
    *,
    accounts: Sequence[Account] | None = None,
    poll: PollTimes | None = None,
) -> Provider:
    return Provider(
        name=name,
        accounts=(an_account(),) if accounts is None else tuple(accounts),
        poll=poll or PollTimes(first_s=15.0, min_s=5.0, max_s=15.0),
        give_up_after_s=3600.0,
        submit_timeout_s=30.0,
    )


def an_engine(
    *,
    max_attempts: int = 3,
    look_up_after_s: Sequence[float] = (60.0, 300.0, 900.0, 3600.0),
    unknown_then: UnknownThen = UnknownThen.ASSUME_CHARGED,
) -> Engine:
    """The worker's settings as shipped; `dataclasses.replace` changes the others."""
    return Engine(
        lease_s=30.0,
        tick_s=0.5,
        concurrency=64,
        account_concurrency=16,
        max_attempts=max_attempts,
        max_queue_wait_s=600.0,
        upkeep_every_s=3600.0,
        alert_every_s=5.0,
        notify_after_s=(5.0, 300.0),
        notify_timeout_s=15.0,
        archive_after_s=172_800.0,
        throttle_wait_s=5.0,
        retry_wait_s=2.0,
        status_retries=3,
        download_retries=3,
        look_up_after_s=tuple(look_up_after_s),
        decisions_kept=20_000,
        verify_every_s=3600.0,
        orphans=OrphanTimes(every_s=3600.0, grace_s=7200.0, back_s=604_800.0),
        unknown_then=unknown_then,
        breaker=BREAKER_RULES,
        breaker_cache_s=1.0,
    )


def a_snapshot(
    *,
    teams: Sequence[Team] | None = None,
    keys: Sequence[ApiKey] | None = None,
    organisation_budgets: Sequence[Budget] = (),
    policies: Sequence[RoutingPolicy] | None = None,
    models: Sequence[Model] | None = None,
    offers: Sequence[Offer] | None = None,
    providers: Sequence[Provider] | None = None,
    engine: Engine | None = None,
    artifact_bytes_max: int = 4 * 1024**3,
) -> Snapshot:
    """A whole configuration; models that are not given are made from the offers."""
    sold = tuple(the_offers() if offers is None else offers)
    named = tuple(models or (a_model(name) for name in dict.fromkeys(o.model for o in sold)))
    ranked = policies or (
        a_policy(),
        a_policy("cheapest_4k", require_resolution="4k"),
        a_policy("balanced", weigh={"quality": 0.5, "price": 0.3, "latency": 0.2}),
    )
    sellers = providers or [a_provider(name) for name in dict.fromkeys(o.provider for o in sold)]
    return Snapshot(
        digest="0123456789abcdef",
        organisation_budgets=tuple(organisation_budgets),
        teams=MappingProxyType({team.id: team for team in teams or (a_team(),)}),
        keys=MappingProxyType({key.id: key for key in keys or (a_key(),)}),
        admin_tokens=MappingProxyType({}),
        policies=MappingProxyType({policy.name: policy for policy in ranked}),
        models=MappingProxyType({model.name: model for model in named}),
        aliases=MappingProxyType({a: model.name for model in named for a in model.aliases}),
        offers=sold,
        providers=MappingProxyType({provider.name: provider for provider in sellers}),
        engine=engine or an_engine(),
        artifact_bytes_max=artifact_bytes_max,
    )
