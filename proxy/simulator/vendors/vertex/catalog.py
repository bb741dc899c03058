"""What each Veo model can do on Vertex AI and what a second of it costs.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/models/veo/3-1-generate and
https://cloud.google.com/vertex-ai/generative-ai/pricing, 2026-11-22.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """One publisher model.

    Attributes:
        rates: Micro-dollars per second and clip by (resolution, with sound).
        reference_images_max: How many asset images may be referred to; 0 is none.
        extends: Whether it takes a video to go on with.
    """

    rates: Mapping[tuple[str, bool], int]
    reference_images_max: int
    extends: bool = True

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The resolutions the model offers."""
        return tuple(dict.fromkeys(resolution for resolution, _ in self.rates))


MODELS: Mapping[str, Model] = {
    "veo-3.1-generate-001": Model(
        rates={
            ("720p", False): 200_000,
            ("1080p", False): 200_000,
            ("4k", False): 400_000,
            ("720p", True): 400_000,
            ("1080p", True): 400_000,
            ("4k", True): 600_000,
        },
        reference_images_max=3,
    ),
    "veo-3.1-fast-generate-001": Model(
        rates={
            ("720p", False): 80_000,
            ("1080p", False): 100_000,
            ("4k", False): 250_000,
            ("720p", True): 100_000,
            ("1080p", True): 120_000,
            ("4k", True): 300_000,
        },
        reference_images_max=3,
    ),
    "veo-3.1-lite-generate-001": Model(
        rates={
            ("720p", False): 30_000,
            ("1080p", False): 50_000,
            ("720p", True): 50_000,
            ("1080p", True): 80_000,
        },
        reference_images_max=0,
        extends=False,
    ),
}
# Every other id answers like a retired one: 404, "was not found". Among them are, retired
# 2026-06-30, veo-2.0-generate-001, veo-3.0-generate-001 and veo-3.0-fast-generate-001.
# Source: https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/model-versions,
# 2026.

SECONDS = (4, 6, 8)
SECONDS_WITH_REFERENCES = 8
# An extension adds 7 seconds to an MP4 of 1 to 30, and is made at 720p.
# Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/video/extend-a-veo-video,
# 2026-11-22, for the length of the video;
# https://github.com/GoogleCloudPlatform/vertex-ai-creative-studio/pull/1274, 2026-04-15, for
# the 7.
SECONDS_ADDED = 7
EXTENDED_SECONDS_MIN, EXTENDED_SECONDS_MAX = 1, 30
EXTENDED_RESOLUTION = "720p"
CLIPS_MAX = 4
PROMPT_MAX = 8_000  # characters; the vendor states 1,024 tokens, which nobody here counts

_SIZES: Mapping[tuple[str, str], tuple[int, int]] = {
    ("720p", "16:9"): (1280, 720),
    ("720p", "9:16"): (720, 1280),
    ("1080p", "16:9"): (1920, 1080),
    ("1080p", "9:16"): (1080, 1920),
    ("4k", "16:9"): (3840, 2160),
    ("4k", "9:16"): (2160, 3840),
}
ASPECT_RATIOS = ("16:9", "9:16")
EXTENDED_SIZES = ((1280, 720), (720, 1280), (1920, 1080), (1080, 1920))


def frame_size(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Return width and height in pixels."""
    return _SIZES[resolution, aspect_ratio]
