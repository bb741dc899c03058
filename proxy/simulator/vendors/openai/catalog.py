"""What each Sora model can do and what a second of it cost.

Source: https://github.com/openai/openai-openapi (openapi.json 2.3.0), 2026-08-21, for fields and
sizes; https://developers.openai.com/api/docs/models/sora-2 and /sora-2-pro, 2026-11-22, for the
prices at 720p, https://developers.openai.com/api/docs/guides/video-generation, 2026-11-22, for
the larger sizes of sora-2-pro. Both models were switched off on 2026-09-24.
"""

from collections.abc import Mapping

_HD, _LARGE, _FULL_HD = 300_000, 500_000, 700_000
_SORA_2 = {"720x1280": 100_000, "1280x720": 100_000}
_SORA_2_PRO = {
    "720x1280": _HD,
    "1280x720": _HD,
    "1024x1792": _LARGE,
    "1792x1024": _LARGE,
    "1080x1920": _FULL_HD,
    "1920x1080": _FULL_HD,
}
# Micro-dollars per second by model and size; a missing size is not offered.
MODELS: Mapping[str, Mapping[str, int]] = {
    "sora-2": _SORA_2,
    "sora-2-2025-10-06": _SORA_2,
    "sora-2-2025-12-08": _SORA_2,
    "sora-2-pro": _SORA_2_PRO,
    "sora-2-pro-2025-10-06": _SORA_2_PRO,
}

DEFAULT_MODEL = "sora-2"
DEFAULT_SIZE = "720x1280"
SECONDS = ("4", "8", "12")
SECONDS_OF_EXTENSION = (*SECONDS, "16", "20")
DEFAULT_SECONDS = "4"
PROMPT_MAX = 32_000  # characters
CHARACTERS_MAX = 2
CHARACTER_NAME_MAX = 80
DATA_URL_CHARACTERS_MAX = 20 * 1024**2


def frame_size(size: str) -> tuple[int, int]:
    """Return width and height in pixels."""
    width, _, height = size.partition("x")
    return int(width), int(height)
