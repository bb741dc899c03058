"""What each Kling model can do and what a second of it costs.

Source: https://kling.ai/document-api/api/video (one page per model) and
https://kling.ai/document-api/pricing/base/video, both as of 2026-09-20.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Audio(StrEnum):
    """How a model treats sound."""

    CHOICE = "choice"  # `settings.audio` is native or off
    ALWAYS = "always"  # always with sound; the field does not exist
    NONE = "none"  # never with sound; the field does not exist


@dataclass(frozen=True)
class Model:
    """One model of the new design.

    Attributes:
        prompt_max: Characters of a text-to-video prompt; image prompts see `image_prompt_max`.
        image_prompt_max: Characters of an image-to-video prompt.
        seconds: Allowed durations.
        audio: How the model treats sound.
        rates: Micro-dollars per second by (resolution, with sound); a missing pair is not
            offered.
        multi_shot: Whether `settings.multi_shot` exists.
        last_frame_at: Resolutions at which first and last frame may be combined.
    """

    prompt_max: int
    image_prompt_max: int
    seconds: tuple[int, ...]
    audio: Audio
    rates: Mapping[tuple[str, bool], int]
    multi_shot: bool = False
    last_frame_at: tuple[str, ...] = ()

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The resolutions the model offers with or without sound."""
        return tuple(dict.fromkeys(resolution for resolution, _ in self.rates))


_UP_TO_15 = tuple(range(3, 16))

MODELS: Mapping[str, Model] = {
    "kling-3.0": Model(
        prompt_max=3072,
        image_prompt_max=3072,
        seconds=_UP_TO_15,
        audio=Audio.CHOICE,
        rates={
            ("720p", False): 84_000,
            ("720p", True): 126_000,
            ("1080p", False): 112_000,
            ("1080p", True): 168_000,
            ("4k", False): 420_000,
            ("4k", True): 420_000,
        },
        multi_shot=True,
        last_frame_at=("720p", "1080p", "4k"),
    ),
    "kling-3.0-turbo": Model(
        prompt_max=3072,
        image_prompt_max=2500,
        seconds=_UP_TO_15,
        audio=Audio.ALWAYS,
        rates={("720p", True): 112_000, ("1080p", True): 140_000},
    ),
    "kling-2.6": Model(
        prompt_max=2500,
        image_prompt_max=2500,
        seconds=(5, 10),
        audio=Audio.CHOICE,
        rates={("720p", False): 42_000, ("1080p", False): 70_000, ("1080p", True): 140_000},
        last_frame_at=("1080p",),
    ),
    "kling-2.5-turbo": Model(
        prompt_max=2500,
        image_prompt_max=2500,
        seconds=(5, 10),
        audio=Audio.NONE,
        rates={("720p", False): 42_000, ("1080p", False): 70_000},
        last_frame_at=("1080p",),
    ),
}


@dataclass(frozen=True)
class Omni:
    """A model of `/omni-video`, as far as it changes a given video.

    Attributes:
        prompt_max: Characters of a prompt.
        rates: Micro-dollars per second with a video as input, by resolution.
    """

    prompt_max: int
    rates: Mapping[str, int]


# Source: https://kling.ai/document-api/api/video/3-0-omni/video-omni, 2026-09-20.
OMNI_MODELS: Mapping[str, Omni] = {
    "kling-3.0-omni": Omni(3072, rates={"720p": 126_000, "1080p": 168_000, "4k": 420_000})
}
BASE_VIDEO_BYTES_MAX = 200 * 1000**2
BASE_VIDEO_SECONDS = (3.0, 15.5)
BASE_VIDEO_SIDES_PX = (700, 4553)
BASE_VIDEO_AREA_PX_MAX = 8_294_400
BASE_VIDEO_RATIOS = (0.4, 2.0)

SHORT_SIDES_PX: Mapping[str, int] = {"720p": 720, "1080p": 1080, "4k": 2160}
ASPECT_RATIOS: Mapping[str, tuple[int, int]] = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}


def frame_size(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Return width and height in pixels."""
    across, down = ASPECT_RATIOS[aspect_ratio]
    unit_px = SHORT_SIDES_PX[resolution] // min(across, down)
    return across * unit_px, down * unit_px
