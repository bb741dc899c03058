"""What a simulator is built from: credentials it accepts, clock, random source, timings."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class KlingKeyPair:
    """An access key and the secret that signs its HS256 tokens."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class KlingAccount:
    """One account: any of its keys gives the same access.

    `concurrency` caps the unfinished tasks per model; None is no cap. `webhook_secret` signs what
    is sent to a task's `callback_url`; None sends it unsigned.
    """

    name: str = "default"
    api_keys: tuple[str, ...] = ()
    key_pairs: tuple[KlingKeyPair, ...] = ()
    concurrency: int | None = None
    webhook_secret: str | None = None


@dataclass(frozen=True)
class VertexProject:
    """One project and who may call it: a service account's key, or fixed bearer tokens.

    `public_key_pem` verifies the RS256 tokens that `client_email` signs for itself.
    """

    project: str
    client_email: str = ""
    public_key_pem: str = ""
    static_tokens: tuple[str, ...] = ()
    # Source: https://cloud.google.com/vertex-ai/generative-ai/docs/models/veo/3-1-generate,
    # 2026-11-22: us-central1 only.
    locations: tuple[str, ...] = ("us-central1",)


@dataclass(frozen=True)
class RunwayAccount:
    """One organisation, whose secrets all give the same access; None is no limit.

    Attributes:
        name: How the simulator tells accounts apart.
        api_secrets: Any of them opens the account.
        concurrency: How many tasks of one model run at once; the rest wait as THROTTLED.
        daily_generations: How many tasks of one model may be created in 24 hours.
        credits: The prepaid balance, a cent each.
    """

    name: str = "default"
    api_secrets: tuple[str, ...] = ()
    concurrency: int | None = None
    daily_generations: int | None = None
    credits: int | None = None


@dataclass(frozen=True)
class OpenAIAccount:
    """One project; any of its keys gives the same access.

    `creates_per_min` caps the accepted creates per model; None is no cap.
    """

    name: str = "default"
    api_keys: tuple[str, ...] = ()
    creates_per_min: int | None = None


def wall_clock_s() -> float:
    """Return seconds since the epoch."""
    return time.time()  # noqa: TID251 - the one place; everything else is handed a clock


@dataclass(frozen=True)
class SimulatorSettings:
    """Everything the simulator knows before its first request.

    Attributes:
        now: Seconds since the epoch; the only clock task states depend on.
        rng: Source of ids and of the key that signs clip links.
        render_s: How long a task renders unless its prompt says `render=`.
        clip_link_ttl_s: How long a clip's link works after the task ended.
        runway_link_ttl_s: How long an output URL of Runway works; asking again gives a new one.
        openai_content_ttl_s: How long after its end a video of OpenAI can be fetched.
        slow_download_s: How long a `download=slow` takes in all.
    """

    kling: tuple[KlingAccount, ...] = ()
    vertex: tuple[VertexProject, ...] = ()
    runway: tuple[RunwayAccount, ...] = ()
    openai: tuple[OpenAIAccount, ...] = ()
    now: Callable[[], float] = wall_clock_s
    render_s: float = 2.0
    # Source: https://kling.ai/document-api/api/video/3-0-omni/text-to-video, 2026-09-20:
    # results are cleared after 30 days.
    clip_link_ttl_s: float = 30 * 86_400
    # Source: the docstring of runwayml 5.24.0's SUCCEEDED task, 2026-10-23: 24 to 48 hours.
    runway_link_ttl_s: float = 86_400
    # Source: https://developers.openai.com/api/docs/guides/video-generation, 2026-11-22: about
    # an hour.
    openai_content_ttl_s: float = 3_600
    slow_download_s: float = 2.0
    rng: random.Random = field(default_factory=random.SystemRandom)
