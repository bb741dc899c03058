"""What an offer can make, held against what is wanted. Nothing is rounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.domain.policy import AudioSupport, FrameSupport
from proxy.domain.source_fit import find_source_misfit, find_way
from proxy.domain.video import PICTURE_TYPES, Shape

if TYPE_CHECKING:
    from proxy.domain.policy import Capabilities, Offer
    from proxy.domain.source import Source, Way
    from proxy.domain.source_fit import Given
    from proxy.domain.video import InputFile

DEFAULT_SECONDS_MIN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The request after the policy's `require` and the defaults; None = still open.

    With a source (`given`) resolution and ratio are the source's, and so are the seconds unless
    it is extended.
    """

    seconds: int | None
    resolution: str
    aspect_ratio: str
    audio: bool | None
    has_first_frame: bool
    prompt_chars: int
    has_last_frame: bool = False
    reference_images: int = 0
    negative_prompt_chars: int | None = None
    has_seed: bool = False
    pictures: tuple[InputFile, ...] = ()
    given: Given | None = None

    @property
    def source(self) -> Source | None:
        """The finished video that is started from."""
        return None if self.given is None else self.given.source


def own_seconds(can: Capabilities, at_least_s: int, *, reference_images: int = 0) -> int:
    """The offer's smallest allowed length of at least `at_least_s`, else its longest."""
    lengths = _lengths(can, reference_images)
    return next((length for length in lengths if length >= at_least_s), lengths[-1])


def shape_of(offer: Offer, wanted: Wanted) -> Shape:
    """Resolve what an offer would make; `wanted.seconds` must be set and the offer must fit."""
    assert wanted.seconds is not None
    audio = _audio_of(offer.can, wanted)
    default = offer.audio_default and audio is not AudioSupport.NONE
    always = audio is AudioSupport.ALWAYS
    return Shape(
        seconds=wanted.seconds,
        resolution=wanted.resolution,
        aspect_ratio=wanted.aspect_ratio,
        audio=always or (default if wanted.audio is None else wanted.audio),
    )


def find_misfit(offer: Offer, wanted: Wanted) -> str | None:
    """Name the first field an offer cannot do, with the values it allows; None when all fit."""
    can = offer.can
    checks = (
        *(_of_create(can, wanted) if wanted.given is None else (_of_source(offer, wanted),)),
        _audio(wanted.audio, _audio_of(can, wanted)),
        _prompt("prompt", wanted.prompt_chars, can.prompt_chars_max),
        _style(can, wanted),
    )
    return next((misfit for misfit in checks if misfit is not None), None)


def way_for(offer: Offer, wanted: Wanted) -> Way | None:
    """How a fitting offer is given the video that is started from; None without one."""
    if wanted.given is None:
        return None
    return find_way(offer, offer.can.verbs[wanted.given.source.verb], wanted.given)


def _of_create(can: Capabilities, wanted: Wanted) -> tuple[str | None, ...]:
    return (
        None if can.creates else f"it makes none from a prompt alone: it can {_verbs(can)}",
        _seconds(can, wanted),
        _one_of("resolution", wanted.resolution, can.resolutions),
        _one_of("aspect_ratio", wanted.aspect_ratio, can.aspect_ratios),
        _first_frame(can.first_frame, has_first_frame=wanted.has_first_frame),
        _last_frame(can, wanted),
        _references(can, wanted),
        _pictures(can, wanted),
    )


def _of_source(offer: Offer, wanted: Wanted) -> str | None:
    given = wanted.given
    assert given is not None
    assert wanted.seconds is not None
    support = offer.can.verbs.get(given.source.verb)
    if support is None:
        return f"it cannot {given.source.verb}"
    return find_source_misfit(offer, support, given, seconds=wanted.seconds)


def _verbs(can: Capabilities) -> str:
    return ", ".join(can.verbs)


def _audio_of(can: Capabilities, wanted: Wanted) -> AudioSupport:
    """Whether the video would carry sound: a verb may have its own answer."""
    support = None if wanted.given is None else can.verbs.get(wanted.given.source.verb)
    return AudioSupport.NONE if support is not None and support.is_silent else can.audio


def _one_of(field: str, value: object, allowed: tuple[object, ...]) -> str | None:
    if value in allowed:
        return None
    return f"{field} {value} is not one of {', '.join(str(item) for item in allowed)}"


def _audio(wanted: bool | None, support: AudioSupport) -> str | None:  # noqa: FBT001 - a tri-state field, not a switch
    if wanted is True and support is AudioSupport.NONE:
        return "audio true is not possible: its videos are silent"
    if wanted is False and support is AudioSupport.ALWAYS:
        return "audio false is not possible: its videos always carry sound"
    return None


def _seconds(can: Capabilities, wanted: Wanted) -> str | None:
    lengths = _lengths(can, wanted.reference_images)
    misfit = _one_of("seconds", wanted.seconds, lengths)
    if misfit is None or lengths == can.seconds:
        return misfit
    return f"{misfit} with reference_images"


def _lengths(can: Capabilities, reference_images: int) -> tuple[int, ...]:
    own = can.reference_images_seconds if reference_images else ()
    return own or can.seconds


def _first_frame(support: FrameSupport, *, has_first_frame: bool) -> str | None:
    if has_first_frame and support is FrameSupport.NONE:
        return "input_reference is not possible: it takes text only"
    if not has_first_frame and support is FrameSupport.REQUIRED:
        return "input_reference is required: it animates a picture"
    return None


def _last_frame(can: Capabilities, wanted: Wanted) -> str | None:
    if not wanted.has_last_frame:
        return None
    if not can.last_frame:
        return "last_frame is not possible: it takes none"
    if not wanted.has_first_frame:
        return "last_frame is possible together with input_reference only"
    if wanted.resolution not in can.last_frame:
        return f"last_frame is possible at {', '.join(can.last_frame)} only"
    return None


def _references(can: Capabilities, wanted: Wanted) -> str | None:
    if wanted.reference_images == 0:
        return None
    if can.reference_images == 0:
        return "reference_images are not possible: it takes none"
    if wanted.reference_images > can.reference_images:
        given = wanted.reference_images
        return f"reference_images are {given}, at most {can.reference_images} are allowed"
    has_frame = wanted.has_first_frame or wanted.has_last_frame
    if has_frame and not can.reference_images_with_frames:
        return "reference_images are not possible together with input_reference or last_frame"
    return None


def _pictures(can: Capabilities, wanted: Wanted) -> str | None:
    """Judge types and sizes; a picture of no known type is left to the provider to judge."""
    types, bytes_max = can.picture_types, can.picture_bytes_max
    for picture in wanted.pictures:
        if types and picture.media_type in PICTURE_TYPES and picture.media_type not in types:
            return f"a picture is {picture.media_type}, not one of {', '.join(types)}"
        if bytes_max is not None and picture.size_bytes > bytes_max:
            return f"a picture has {picture.size_bytes} bytes, at most {bytes_max} are allowed"
    return None


def _prompt(field: str, length: int, length_max: int | None) -> str | None:
    if length_max is None or length <= length_max:
        return None
    return f"{field} has {length} characters, at most {length_max} are allowed"


def _style(can: Capabilities, wanted: Wanted) -> str | None:
    if wanted.has_seed and not can.seed:
        return "seed is not possible: it takes none"
    if wanted.negative_prompt_chars is None:
        return None
    if not can.negative_prompt:
        return "negative_prompt is not possible: it takes none"
    return _prompt("negative_prompt", wanted.negative_prompt_chars, can.prompt_chars_max)
