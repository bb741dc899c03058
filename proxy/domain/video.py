"""What a caller asks for, and what a provider is asked to make."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from proxy.domain.source import Verb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import Protocol

    from proxy.domain.source import Source

    class InputBytes(Protocol):
        """Opens the bytes of a stored input, from the first one, each time it is called."""

        def __call__(self) -> AsyncIterator[bytes]:
            """Start reading."""


RESOLUTIONS = ("480p", "720p", "1080p", "4k")
SHORT_SIDE_PX: Mapping[str, int] = MappingProxyType(
    {"480p": 480, "720p": 720, "1080p": 1080, "4k": 2160}
)


VIDEO_TYPE = "video/mp4"
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")
PICTURE_BYTES_MAX = 20 * 2**20
PICTURE_HEAD_BYTES = 12
"""So many first bytes show a picture's type."""


class Substitute(StrEnum):
    """How far routing may move away from what was named."""

    NEVER = "never"
    SAME_MODEL = "same_model"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One stored input file, addressed by its content."""

    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoJob:
    """A request as its caller sent it: None is "left open", nothing is filled in.

    `source` is the finished video that it starts from; None is a video from nothing.
    """

    prompt: str
    model: str | None = None
    policy: str | None = None
    seconds: int | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    audio: bool | None = None
    input_reference: InputFile | None = None
    last_frame: InputFile | None = None
    reference_images: tuple[InputFile, ...] = ()
    negative_prompt: str | None = None
    seed: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    max_cost_micro_usd: int | None = None
    deadline_s: int | None = None
    substitute: Substitute | None = None
    webhook_url: str | None = None
    source: Source | None = None

    @property
    def verb(self) -> Verb:
        """What is done."""
        return Verb.CREATE if self.source is None else self.source.verb

    @property
    def pictures(self) -> tuple[InputFile, ...]:
        """Every picture that was sent: first frame, last frame, reference images."""
        frames = (self.input_reference, self.last_frame)
        return (*(frame for frame in frames if frame is not None), *self.reference_images)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The resolved form of a video at one candidate; `audio` may differ between candidates.

    `seconds` is what is newly made: an extension's video is longer by its source.
    """

    seconds: int
    resolution: str
    aspect_ratio: str
    audio: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInput:
    """One input of an order as a readable handle."""

    media_type: str
    size_bytes: int
    open: InputBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSource:
    """The finished video an order starts from, in the one form in which the provider gets it.

    `operation` is the provider's own handle of it, `file` its bytes, `url` where it can be
    fetched; one of them is set. `seconds` is its length.
    """

    verb: Verb
    seconds: int
    operation: dict[str, object] | None = None
    file: OrderInput | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one provider is asked to make: one video, every field resolved.

    Whatever is set here, the offer's capabilities allow: an adapter sends all of it. `traceparent`
    is a header of the submit ("": none).
    """

    prompt: str
    upstream: str
    shape: Shape
    first_frame: OrderInput | None = None
    last_frame: OrderInput | None = None
    reference_images: tuple[OrderInput, ...] = ()
    negative_prompt: str | None = None
    seed: int | None = None
    source: OrderSource | None = None
    traceparent: str = ""

    @property
    def pictures(self) -> tuple[OrderInput, ...]:
        """Every picture: first frame, last frame, reference images."""
        frames = (self.first_frame, self.last_frame)
        return (*(frame for frame in frames if frame is not None), *self.reference_images)

    @property
    def files(self) -> tuple[OrderInput, ...]:
        """Everything that is sent with the order: its pictures, and the video it starts from."""
        video = self.source.file if self.source is not None else None
        return self.pictures if video is None else (*self.pictures, video)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A finished file in our custody."""

    sha256: str
    size_bytes: int
    media_type: str


def picture_type(head: bytes) -> str | None:
    """The type that a file's first PICTURE_HEAD_BYTES show, one of PICTURE_TYPES; None if none.

    Source: https://mimesniff.spec.whatwg.org, section 6.1, 2026-11-22.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:PICTURE_HEAD_BYTES] == b"WEBP":
        return "image/webp"
    return None


def frame_size_px(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Width and height of a resolution (its short side) at an aspect ratio such as "16:9".

    Raises:
        KeyError: a resolution outside RESOLUTIONS.
        ValueError: an aspect ratio that is not two integers.
    """
    short_px = SHORT_SIDE_PX[resolution]
    wide, high = (int(part) for part in aspect_ratio.split(":"))
    if wide >= high:
        return _even(short_px * wide / high), short_px
    return short_px, _even(short_px * high / wide)


def _even(length_px: float) -> int:
    return 2 * round(length_px / 2)
