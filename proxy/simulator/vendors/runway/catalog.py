"""What each model can do at Runway and how many credits a second of it costs.

Source: the request types of runwayml 5.24.0 (2026-10-23) for fields, ratios and durations;
https://github.com/runwayml/skills, 2026-04-21, for credits, which Runway publishes for these
models only. The other models it resells are therefore not simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# Prepaid. Source: https://github.com/runwayml/skills, 2026-04-21.
CREDIT_MICRO_USD = 10_000


class Kind(StrEnum):
    """What a video is made from: the last part of the path."""

    TEXT = "text_to_video"
    IMAGE = "image_to_video"
    VIDEO = "video_to_video"


@dataclass(frozen=True)
class Model:
    """One model.

    Attributes:
        ratios: Allowed `ratio` by kind, written in pixels; a missing kind is not offered.
        seconds: Allowed `duration`.
        seconds_default: Taken without `duration`; None: it is required.
        prompt_required_for: The kinds that need `promptText`.
        credits_per_s: By whether the clip has sound; one entry: no `audio` field.
        last_frame: Whether `promptImage` may hold a last frame.
        own: Runway's own models take `contentModeration` and `outputFormat`, no
            `negativePrompt`.
        credits_min: The least a call costs.
    """

    ratios: Mapping[Kind, tuple[str, ...]]
    seconds: tuple[int, ...]
    seconds_default: int | None
    prompt_required_for: frozenset[Kind]
    credits_per_s: Mapping[bool, int]
    last_frame: bool = False
    own: bool = True
    credits_min: int = 0


_WIDE_AND_TALL = ("1280:720", "720:1280")
_SIX_RATIOS = (*_WIDE_AND_TALL, "1104:832", "960:960", "832:1104", "1584:672")
_UP_TO_1080P = (*_WIDE_AND_TALL, "1920:1080", "1080:1920")
_TEN = tuple(range(2, 11))


def _veo(silent: int, with_sound: int) -> Model:
    # Source for the default of `audio`: none; Google's own default is with sound.
    return Model(
        ratios={Kind.TEXT: _UP_TO_1080P, Kind.IMAGE: _UP_TO_1080P},
        seconds=(4, 6, 8),
        seconds_default=8,
        prompt_required_for=frozenset({Kind.TEXT}),
        credits_per_s={False: silent, True: with_sound},
        last_frame=True,
        own=False,
    )


MODELS: Mapping[str, Model] = {
    "gen4.5": Model(
        ratios={Kind.TEXT: _WIDE_AND_TALL, Kind.IMAGE: _SIX_RATIOS},
        seconds=_TEN,
        seconds_default=None,
        prompt_required_for=frozenset({Kind.TEXT, Kind.IMAGE}),
        credits_per_s={False: 12},
    ),
    "gen4_turbo": Model(
        ratios={Kind.IMAGE: _SIX_RATIOS},
        seconds=_TEN,
        seconds_default=10,
        prompt_required_for=frozenset(),
        credits_per_s={False: 5},
    ),
    "veo3.1": _veo(20, 40),
    "veo3.1_fast": _veo(10, 15),
    # Its clip is as long as the given video: 5 seconds where that is not looked into.
    "aleph2": Model(
        ratios={Kind.VIDEO: ()},
        seconds=(5,),
        seconds_default=5,
        prompt_required_for=frozenset(),
        credits_per_s={False: 28},
        credits_min=56,
    ),
}

PROMPT_UNITS_MAX = 1000  # UTF-16 code units
DATA_URI_CHARACTERS_MAX = 5 * 1024**2
KEYFRAMES_MAX = 5
# Of a video that is edited. 30 seconds and 1080p are said by resellers, the least by the minimum
# of 56 credits, the size of what is fetched by Runway.
# Source: https://docs.comfy.org/development/comfy-router/models/runway/aleph2/code and
# https://docs.dev.runwayml.com/assets/inputs, 2026-11-29.
EDITED_SECONDS_MIN, EDITED_SECONDS_MAX = 2, 30
FETCHED_BYTES_MAX = 32 * 1024**2
EDITED_SIZES = (
    *((1280, 720), (720, 1280), (1920, 1080), (1080, 1920)),
    *((720, 720), (960, 960), (1080, 1080)),
)


def offered(kind: Kind) -> tuple[str, ...]:
    """Return the models that make a video of this kind."""
    return tuple(name for name, model in MODELS.items() if kind in model.ratios)
