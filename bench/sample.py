"""Jobs like real ones: 200-character prompts, a plan of 4 candidates and 15 skipped offers."""

from __future__ import annotations

import hashlib
import random

from proxy.domain.balance import Balance, Bid
from proxy.domain.bucket import Bucket, RateLimit
from proxy.domain.ids import KeyId, ModelName, PolicyName, ProviderName, TeamId, new_job_id
from proxy.domain.job import Job
from proxy.domain.period import FOREVER_MS, Period
from proxy.domain.plan import Candidate, Plan, Skipped
from proxy.domain.policy import OnExceed
from proxy.domain.video import Shape, Substitute, VideoJob
from proxy.gateway.ports.admission import AdmitCommand

PROMPT_CHARS = 200
LIMIT_MICRO_USD = 2**50
TEAMS = ("marketing", "product", "research", "studio")
TEXT = """
slow dolly across harbour at dawn gulls circling fishing boats ropes creak amber mist lifts off
water lens flare anamorphic grain crowd umbrella reflections tram bell rings macro dew spider
silk trembling fern unfurls time-lapse clouds racing granite ridge climber chalk dust neon
alley ramen steam cook laughs vinyl spins needle drops kettle whistles grandmother folds
dumplings flour sunlight kitchen window curtain breeze astronaut visor nebula silent drift
tether origami crane folds itself paper texture stop-motion clay fox autumn leaves swirl
"""
OFFERED = (
    ("kling", "kling-2.5-turbo", "kling-v2-5-turbo", 42_000, "720p", "score 0.811"),
    ("kling", "kling-2.6", "kling-v2-6", 42_000, "720p/silent", "score 0.770"),
    ("runway", "gen4.5", "gen4.5", 120_000, "720p", "score 0.715"),
    ("kling", "kling-3.0", "kling-v3", 84_000, "720p/silent", "score 0.702"),
)
SKIPPED = (
    (
        "vertex",
        "veo-3.1",
        "not_configured",
        "environment variable GOOGLE_CLOUD_PROJECT is not set",
    ),
    ("vertex", "veo-3.1-fast", "not_configured", "environment variable X_PROJECT is not set"),
    ("vertex", "veo-3.1-lite", "incapable", "seconds 5 is not one of 4, 6, 8"),
    ("runway", "kling-3.0", "price_unknown", "no known price"),
    ("runway", "kling-2.6", "price_unknown", "no known price"),
    ("runway", "veo-3.1", "incapable", "seconds 5 is not one of 4, 6, 8"),
    ("runway", "veo-3.1-fast", "incapable", "seconds 5 is not one of 4, 6, 8"),
    ("runway", "gen4_turbo", "incapable", "input_reference is required: it animates a picture"),
    ("runway", "gen3a_turbo", "retired", "retired; successors: gen4_turbo, gen4.5"),
    ("openai", "sora-2", "retired", "retired; successors: veo-3.1-fast, kling-3.0, gen4.5"),
    ("openai", "sora-2-pro", "retired", "retired; successors: veo-3.1, kling-3.0, gen4.5"),
    ("kling", "kling-3.0-turbo", "over_max_cost", "above max_cost_usd"),
    ("kling", "kling-2.1", "incapable", "aspect_ratio 16:9 is not one of 1:1, 9:16"),
    ("studio", "house-video-1", "incapable", "resolution 720p is not one of 480p"),
    ("studio", "house-video-2", "incapable", "prompt has 200 characters, at most 120 are allowed"),
)


class Sampler:
    """Draws commands; equal seeds draw equal ones but for the ids."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a sample, no secret
        self._words = TEXT.split()

    def command(self, now_ms: int) -> AdmitCommand:
        """A create of a team with three budgets of its own, below one of the organisation."""
        job = self._job(now_ms)
        balances = _balances(job.team)
        counted = tuple(range(len(balances)))
        return AdmitCommand(
            job=job,
            bids=tuple(
                Bid(candidate=place, quote_micro_usd=candidate.quote_micro_usd, balances=counted)
                for place, candidate in enumerate(job.plan.candidates)
            ),
            balances=balances,
            buckets=(
                Bucket(name="submit", limit=RateLimit(capacity=10**6, interval_us=1)),
                Bucket(name=f"submit:{job.key}", limit=RateLimit(capacity=10**6, interval_us=1)),
            ),
            queued_max=10**9,
            idempotency_key=None,
            sdk_try=0,
        )

    def _job(self, now_ms: int) -> Job:
        team = self._random.randrange(len(TEAMS))
        return Job(
            id=new_job_id(self._random.randbytes),
            team=TeamId(TEAMS[team]),
            key=KeyId(f"k7f3q2a{'abcd'[team]}"),
            created_at_ms=now_ms,
            deadline_at_ms=now_ms + 3_600_000,
            request=VideoJob(prompt=self._prompt(), policy="balanced"),
            fingerprint=hashlib.sha256(self._random.randbytes(16)).hexdigest(),
            snapshot_digest="8d5e8b42ae897cd5",
            plan=_plan(),
            cost_center="4711",
        )

    def _prompt(self) -> str:
        text = ""
        while len(text) < PROMPT_CHARS:
            text += self._random.choice(self._words) + " "
        return text[:PROMPT_CHARS]


def _plan() -> Plan:
    shape = Shape(seconds=5, resolution="720p", aspect_ratio="16:9", audio=False)
    return Plan(
        policy=PolicyName("balanced"),
        requested_model=None,
        substitute=Substitute.POLICY,
        candidates=tuple(
            Candidate(
                provider=ProviderName(provider),
                model=ModelName(model),
                upstream=upstream,
                shape=shape,
                quote_micro_usd=per_second * shape.seconds,
                price_id=f"{upstream}/{price}@2026-09-20",
                reason=reason,
            )
            for provider, model, upstream, per_second, price, reason in OFFERED
        ),
        skipped=tuple(
            Skipped(
                provider=ProviderName(provider), model=ModelName(model), code=code, detail=detail
            )
            for provider, model, code, detail in SKIPPED
        ),
    )


def _balances(team: TeamId) -> tuple[Balance, ...]:
    scope = f"team:{team}"
    veo = scope + '{"model":"veo-3.1*"}'
    return (
        _balance("monthly", scope, f"{scope}|month", "2026-11"),
        _balance("daily", scope, f"{scope}|day", "2026-11-22"),
        _balance("veo", scope, f"{veo}|month", "2026-11"),
        _balance("all", "org", "org|month", "2026-11"),
    )


def _balance(budget_id: str, scope: str, account: str, period: str) -> Balance:
    return Balance(
        budget_id=budget_id,
        scope=scope,
        account=account,
        period=Period(id=period, start_ms=0, end_ms=FOREVER_MS),
        limit_micro_usd=LIMIT_MICRO_USD,
        on_exceed=OnExceed.DENY,
    )
