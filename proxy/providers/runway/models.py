"""How Runway's models want a shape said: pixels, lengths and sound, each model in its own way.

Source: request types of runwayml 5.24.0, 2026-10-23.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.video import frame_size_px

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.video import Shape

# Models with a switch for sound; the others refuse the field as unknown.
_WITH_SOUND = ("veo3.1", "kling3.0_", "klingO3_")
# The picture alone sets the shape: an image-to-video with a ratio is refused.
_SHAPED_BY_PICTURE = frozenset({"kling2.5_turbo_pro"})
# "ratio" is pixels. Where they are not the short side times the ratio, they stand here.
_GEN4: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("720p", "1:1"): "960:960", ("720p", "4:3"): "1104:832", ("720p", "3:4"): "832:1104",
        ("720p", "21:9"): "1584:672",
    }
)  # fmt: skip
_KLING3: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("720p", "1:1"): "960:960", ("1080p", "1:1"): "1440:1440", ("4k", "1:1"): "2880:2880",
    }
)  # fmt: skip
_KLING25: Mapping[tuple[str, str], str] = MappingProxyType({("1080p", "1:1"): "1440:1440"})
_RATIOS: Mapping[str, Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        "gen4": _GEN4,
        "kling3.0_": _KLING3,
        "klingO3_": _KLING3,
        "kling2.5_turbo_pro": _KLING25,
    }
)


def has_sound_switch(model: str) -> bool:
    """Say whether the model takes `audio`, which is part of its price."""
    return model.startswith(_WITH_SOUND)


def ratio_of(model: str, shape: Shape, *, has_picture: bool) -> str | None:
    """Return the `ratio` of a request, such as "1280:720"; None where the model takes none."""
    if has_picture and model in _SHAPED_BY_PICTURE:
        return None
    own: Mapping[tuple[str, str], str] = next(
        (ratios for prefix, ratios in _RATIOS.items() if model.startswith(prefix)), {}
    )
    ratio = own.get((shape.resolution, shape.aspect_ratio))
    if ratio is not None:
        return ratio
    width_px, height_px = frame_size_px(shape.resolution, shape.aspect_ratio)
    return f"{width_px}:{height_px}"
