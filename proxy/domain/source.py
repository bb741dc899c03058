"""Videos made from a finished one: what is done to it, and how it reaches a provider."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.domain.ids import JobId, ModelName, ProviderName


class Verb(StrEnum):
    """What is done: a video from nothing, or another one from a finished video."""

    CREATE = "create"
    REMIX = "remix"
    EDIT = "edit"
    EXTEND = "extend"


class Way(StrEnum):
    """How a provider is given the video it starts from.

    ORIGIN: it made that video itself, at the same account, and knows it by its own name. BYTES:
    with the submit. LINK: it fetches the video from us.
    """

    ORIGIN = "origin"
    BYTES = "bytes"
    LINK = "link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The finished video that a request starts from, and what is done to it.

    `seconds` is its whole length. `provider`, `upstream` and `account` made it; `operation` is
    the provider's own handle of it.
    """

    id: JobId
    verb: Verb
    seconds: int
    resolution: str
    aspect_ratio: str
    size_bytes: int
    sha256: str
    model: ModelName
    provider: ProviderName
    upstream: str
    account: str
    operation: dict[str, object]

    @property
    def offer_id(self) -> str:
        """The offer that made it: "provider/upstream"."""
        return f"{self.provider}/{self.upstream}"

    @property
    def seconds_before(self) -> int:
        """How much of the new video was there before: an extension begins with its source."""
        return self.seconds if self.verb is Verb.EXTEND else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSupport:
    """Which finished videos an offer takes for a verb; nothing in a field means any.

    `ways` come in the order in which they are preferred, `bytes_max` limits the file by way.
    `seconds` are lengths of the source, `adds` how much an extension may add. `resolutions` and
    `aspect_ratios` are those of the offer where it says no others. `models` are globs of what
    may have made the source. `is_silent`: no sound is made, whatever else the offer can.
    """

    ways: tuple[Way, ...]
    bytes_max: Mapping[Way, int] = field(default_factory=dict)
    seconds: tuple[int, ...] = ()
    adds: tuple[int, ...] = ()
    resolutions: tuple[str, ...] = ()
    aspect_ratios: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    is_silent: bool = False
