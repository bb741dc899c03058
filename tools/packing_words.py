"""Make a preset dictionary for packing jobs: what their JSON is likely to hold.

Run once, by hand, for a new version; one that was ever used must never change:

    python tools/packing_words.py > proxy/store/packing-N.txt

It holds English words of prompts, what the fields look like, every reason for which an offer is
passed over, and the pieces that plans over the shipped catalog have most often. The most likely
stands last: what is near is cheapest to refer to.
"""

import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from pydantic import BaseModel, ConfigDict

from proxy.config.load import load
from proxy.domain.errors import ProxyError
from proxy.domain.plan import Plan
from proxy.domain.policy import Snapshot
from proxy.domain.route import plan
from proxy.domain.video import VideoJob
from proxy.store.packing import json_text

ROOT = Path(__file__).parent.parent
NOW_S = 1_795_348_800.0
PIECES_MAX = 40
KEYS = ("KLING_API_KEY", "GOOGLE_CLOUD_PROJECT", "RUNWAYML_API_SECRET", "OPENAI_API_KEY")
FILE_KEY = "GOOGLE_APPLICATION_CREDENTIALS"
WORDS = (
    "a the and of in on with at to from over through slow cinematic shot camera pans tracking"
    " close-up wide aerial drone golden hour sunset sunrise light soft warm neon rain snow forest"
    " ocean mountain city street night sky clouds woman man person child dog cat fox bird horse"
    " car train product bottle watch shoes logo studio background white black red blue green"
    " detailed realistic photorealistic 4k film grain depth of field bokeh motion smooth handheld"
    " walking running flying dancing smiling looking standing sitting holding rotating falling"
    " water waves fire smoke dust wind leaves flowers"
)
FIELDS = (
    'video/mp4 image/png image/jpeg {"campaign":"","project":"","user":"","cost_center":""}'
    ' "never" "same_model" "16:9" "9:16" "1:1" "480p" "720p" "1080p" "4k"'
    " null,null,null,null true false "
)
REASONS = (
    "a picture has 123 bytes, at most 4 are allowed",
    "a picture is image/webp, not one of image/jpeg, image/png",
    "no account is configured",
    "no price for 720p without audio",
    "reference_images are not possible: it takes none",
    "last_frame is not possible: it takes none",
    "negative_prompt is not possible: it takes none",
    "seed is not possible: it takes none",
    "prompt has 1200 characters, at most 1000 are allowed",
    "aspect_ratio 16:9 is not one of 1:1, 9:16",
    "resolution 4k is not one of 720p, 1080p",
    "seconds 5 is not one of 4, 6, 8",
    "audio true is not possible: its videos are silent",
    "environment variable _API_KEY is not set",
    "successor of ",
    'substitute is never","not_substitutable","substitute is same_model',
    'over_max_cost","above max_cost_usd',
)


class AnyCredentials(BaseModel):
    """Takes whatever is written."""

    model_config = ConfigDict(extra="allow")


def snapshots() -> Iterator[Snapshot]:
    """The shipped configuration with all providers, with all but one, and with one."""
    with NamedTemporaryFile("w+") as account:
        account.write("{}")
        account.flush()
        every = dict.fromkeys(KEYS, "x") | {FILE_KEY: account.name}
        chosen: list[Mapping[str, str]] = [every, {KEYS[0]: "x"}, {KEYS[2]: "x"}]
        chosen += [{name: every[name] for name in every if name != left_out} for left_out in KEYS]
        for env in chosen:
            models = dict.fromkeys(("kling", "vertex", "runway", "openai"), AnyCredentials)
            found = load(ROOT / "config.yaml", env=env, credential_models=models, now_s=NOW_S)
            yield found.snapshot


def requests(snapshot: Snapshot) -> Iterator[VideoJob]:
    """What callers ask for."""
    shapes = itertools.product((None, 4, 5, 8, 10), (None, "1080p", "4k"), (None, "9:16"))
    for policy, shape, audio in itertools.product(snapshot.policies, shapes, (None, True)):
        seconds, resolution, aspect_ratio = shape
        yield VideoJob(
            prompt="x",
            policy=policy,
            seconds=seconds,
            resolution=resolution,
            aspect_ratio=aspect_ratio,
            audio=audio,
        )
    for model, seconds in itertools.product(snapshot.models, (None, 5, 8)):
        yield VideoJob(prompt="x", model=model, seconds=seconds)


def pieces(found: Plan) -> Iterator[str]:
    """Parts of a packed plan: how each candidate begins, its price, each offer passed over."""
    for candidate in found.candidates:
        names = [candidate.provider, candidate.model, candidate.upstream]
        yield json_text(names)[:-1] + ","
        yield json_text(candidate.price_id) + ',"'
    for skip in found.skipped:
        yield json_text([skip.provider, skip.model, skip.code, skip.detail]) + ","


def common_pieces() -> list[str]:
    """The most common pieces, the most common one first, none inside another."""
    counted: Counter[str] = Counter()
    for snapshot in snapshots():
        for team, request in itertools.product(snapshot.teams.values(), requests(snapshot)):
            try:
                counted.update(pieces(plan(request, team, snapshot, NOW_S)))
            except ProxyError:
                continue
    kept: list[str] = []
    for piece, _ in counted.most_common(PIECES_MAX):
        if not any(piece in longer for longer in kept):
            kept.append(piece)
    return kept


if __name__ == "__main__":
    reasons = "".join(f'"{reason}"' for reason in REASONS)
    sys.stdout.write(WORDS + FIELDS + reasons + "".join(reversed(common_pieces())))
