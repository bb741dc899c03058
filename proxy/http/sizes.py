"""Sizes in pixels as a resolution and an aspect ratio; nothing is rounded to fit."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest
from proxy.domain.video import RESOLUTIONS, frame_size_px

if TYPE_CHECKING:
    from collections.abc import Mapping

ASPECT_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9")
"""Ratios that `size` can name; a catalog that knows others is asked by `aspect_ratio`."""

SIZES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "{}x{}".format(*frame_size_px(resolution, ratio)): (resolution, ratio)
        for resolution in RESOLUTIONS
        for ratio in ASPECT_RATIOS
    }
)
"""Every allowed `size` -> (resolution, aspect ratio)."""

_RATIO = re.compile(r"[1-9][0-9]?:[1-9][0-9]?")


def split_size(size: str) -> tuple[str, str]:
    """Read "1280x720" as ("720p", "16:9").

    Raises:
        InvalidRequest: not one of SIZES.
    """
    found = SIZES.get(size)
    if found is None:
        message = f"size {size[:20]!r} is not one of {', '.join(SIZES)}"
        raise InvalidRequest(message, param="size")
    return found


def check_aspect_ratio(ratio: str) -> str:
    """Return a ratio of the form "16:9".

    Raises:
        InvalidRequest: it has another form.
    """
    if _RATIO.fullmatch(ratio) is None:
        message = (
            "aspect_ratio must be two whole numbers of at most two digits, such as"
            f" {', '.join(ASPECT_RATIOS)}"
        )
        raise InvalidRequest(message, param="aspect_ratio")
    return ratio
