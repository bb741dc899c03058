"""policies/catalog.yaml and policies/catalog/*.yaml: models, their offers and the price book."""

import re
from itertools import product
from typing import Annotated, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from proxy.config.schema.fields import (
    AspectRatio,
    Count,
    Date,
    DurationMs,
    FaultAtError,
    Flag,
    Glob,
    Items,
    MicroUsd,
    Name,
    Resolution,
    Section,
    SizeBytes,
    SomeItems,
    Text,
    one_of,
)
from proxy.config.schema.policies import SECONDS_MAX
from proxy.domain.policy import AudioSupport, FrameSupport
from proxy.domain.price import Billing
from proxy.domain.source import Verb, Way
from proxy.domain.video import PICTURE_TYPES, RESOLUTIONS

Score = Annotated[Count, Field(ge=0, le=100)]
PictureType = Annotated[
    str, BeforeValidator(one_of(*(kind.partition("/")[2] for kind in PICTURE_TYPES)))
]
_RANGE: Final = re.compile(r"([1-9][0-9]{0,2})-([1-9][0-9]{0,2})", re.ASCII)


def _lengths(value: object) -> tuple[int, ...]:
    """Read `[4, 6, 8]` or the range `3-15` as every allowed length, ascending."""
    found = _RANGE.fullmatch(value) if isinstance(value, str) else None
    lengths = value if isinstance(value, list) else []
    if found is not None:
        lengths = list(range(int(found[1]), int(found[2]) + 1))
    whole = [length for length in lengths if type(length) is int and 1 <= length <= SECONDS_MAX]
    if not whole or len(whole) < len(lengths):
        message = (
            f"must be a list such as [4, 6, 8] or a range such as 3-15, in whole seconds "
            f"from 1 to {SECONDS_MAX}"
        )
        raise ValueError(message)
    return tuple(sorted(set(whole)))


def _frame(value: object) -> object:
    if isinstance(value, bool):
        return FrameSupport.OPTIONAL if value else FrameSupport.NONE
    if value == FrameSupport.REQUIRED:
        return value
    message = f"{str(value)[:60]!r} is not allowed here; allowed: true, false, required"
    raise ValueError(message)


def _resolutions(value: object) -> object:
    """Read `true`, `false`, or a list of the resolutions at which it is true."""
    if isinstance(value, bool):
        return value
    listed = value if isinstance(value, list) else []
    if not listed or not all(item in RESOLUTIONS for item in listed):
        message = (
            f"must be true, false, or a list of resolutions; allowed: {', '.join(RESOLUTIONS)}"
        )
        raise ValueError(message)
    return tuple(item for item in RESOLUTIONS if item in listed)


def _known(value: object) -> object:
    """Read `unknown` as no price at all; an empty list is more likely a mistake."""
    if value == "unknown":
        return []
    if isinstance(value, str) or value == []:
        message = "must be the word unknown, or a list of at least one price"
        raise ValueError(message)
    return value


def _billing(value: object) -> object:
    return {"bills": value} if isinstance(value, str) else value


def _source(value: object) -> object:
    """Read one word as the only way in which a video is given."""
    return {"by": [value]} if isinstance(value, str) else value


def _verbs(value: object) -> object:
    return [value] if isinstance(value, str) else value


class ScoresSection(Section):
    """The organisation's opinion of a model: any names, 0 to 100 each."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Score]

    source: Text
    as_of: Date

    @property
    def by_name(self) -> dict[str, int]:
        """Score's name → 0 to 100."""
        return dict(self.__pydantic_extra__)


class ModelSection(Section):
    """One model, whoever sells it."""

    aliases: Items[Name] = Field(default_factory=dict)
    scores: ScoresSection | None = None


class SourceSection(Section):
    """Which finished videos an offer takes for one verb, and how it is given them."""

    by: SomeItems[Way]
    bytes_max: SizeBytes | None = None
    link_bytes_max: SizeBytes | None = None
    seconds: Annotated[tuple[int, ...], BeforeValidator(_lengths)] | None = None
    resolutions: SomeItems[Resolution] | None = None
    aspect_ratios: SomeItems[AspectRatio] | None = None
    models: SomeItems[Glob] | None = None
    silent: Flag = False


class ExtensionSection(SourceSection):
    """The same, and how many seconds may be added."""

    adds: Annotated[tuple[int, ...], BeforeValidator(_lengths)]


SourceField = Annotated[SourceSection, BeforeValidator(_source)]


class CanSection(Section):
    """What an offer can make."""

    seconds: Annotated[tuple[int, ...], BeforeValidator(_lengths)]
    resolutions: SomeItems[Resolution]
    aspect_ratios: SomeItems[AspectRatio]
    audio: AudioSupport
    first_frame: Annotated[FrameSupport, BeforeValidator(_frame)] = FrameSupport.NONE
    last_frame: Annotated[bool | tuple[str, ...], BeforeValidator(_resolutions)] = False
    reference_images: Annotated[Count, Field(ge=0, le=100)] = 0
    reference_images_seconds: Annotated[tuple[int, ...], BeforeValidator(_lengths)] | None = None
    reference_images_with_frames: Flag = False
    negative_prompt: Flag = False
    seed: Flag = False
    prompt_chars_max: Annotated[Count, Field(ge=1)] | None = None
    picture_types: SomeItems[PictureType] | None = None
    picture_bytes_max: SizeBytes | None = None
    create: Flag = True
    remix: SourceField | None = None
    edit: SourceField | None = None
    extend: ExtensionSection | None = None

    @property
    def verbs(self) -> dict[Verb, SourceSection]:
        """What it does with finished videos."""
        found = {Verb.REMIX: self.remix, Verb.EDIT: self.edit, Verb.EXTEND: self.extend}
        return {verb: section for verb, section in found.items() if section is not None}


class PriceSection(Section):
    """One row of the price book; without `audio` it holds with and without sound.

    Without `for` it prices what is made from a prompt.
    """

    resolution: Resolution
    audio: Flag | None = None
    verbs: Annotated[SomeItems[Verb], BeforeValidator(_verbs)] = Field(
        default_factory=lambda: {0: Verb.CREATE}, alias="for"
    )
    of: Annotated[str, BeforeValidator(one_of("new", "whole"))] = "new"
    at_least: MicroUsd = 0
    per_second: MicroUsd
    source: Text
    as_of: Date


class BillingSection(Section):
    """Whether one kind of ending without a video is charged."""

    bills: Billing
    source: Text | None = None


BillingField = Annotated[BillingSection, BeforeValidator(_billing)]


class BillsOnSection(Section):
    """What endings without a video cost."""

    failed: BillingField
    filtered: BillingField
    cancelled: BillingField
    expired: BillingField


class LifecycleSection(Section):
    """When the vendor ends an offer, and what replaces it."""

    deprecated_at: Date | None = None
    retires_not_before: Date | None = None
    retires_at: Date | None = None
    successor: Items[Name] = Field(default_factory=dict)


class OfferSection(Section):
    """A model sold by a provider."""

    provider: Name
    model: Name
    upstream: Name
    can: CanSection
    audio_default: Flag = False
    prices: Annotated[Items[PriceSection], BeforeValidator(_known)]
    bills_on: BillsOnSection
    lifecycle: LifecycleSection = Field(default_factory=LifecycleSection)
    typical_render: DurationMs | None = None

    @model_validator(mode="after")
    def _inputs_fit(self) -> Self:
        can = self.can
        if can.last_frame and can.first_frame is FrameSupport.NONE:
            message = "needs first_frame: no video is made from a last frame alone"
            raise FaultAtError(message, "can", "last_frame")
        for resolution in can.last_frame if isinstance(can.last_frame, tuple) else ():
            if resolution not in can.resolutions.values():
                message = f"{resolution} is not made by this offer"
                raise FaultAtError(message, "can", "last_frame")
        lengths = can.reference_images_seconds or ()
        if any(length not in can.seconds for length in lengths):
            message = "must be lengths of can.seconds"
            raise FaultAtError(message, "can", "reference_images_seconds")
        return self

    @model_validator(mode="after")
    def _sources_fit(self) -> Self:
        verbs = self.can.verbs
        if not self.can.create and not verbs:
            message = "must be true: the offer would do nothing at all"
            raise FaultAtError(message, "can", "create")
        for verb, source in verbs.items():
            ways = source.by.values()
            for setting, way in (("bytes_max", Way.BYTES), ("link_bytes_max", Way.LINK)):
                if getattr(source, setting) is not None and way not in ways:
                    message = f"needs {way} in by"
                    raise FaultAtError(message, "can", verb.value, setting)
        return self

    @model_validator(mode="after")
    def _prices_fit(self) -> Self:
        made = set(self.can.resolutions.values())
        does = (*((Verb.CREATE,) if self.can.create else ()), *self.can.verbs)
        seen: set[tuple[str, bool, Verb]] = set()
        for index, price in self.prices.items():
            if price.resolution not in made:
                message = (
                    f"{price.resolution} is not made by this offer; "
                    f"allowed: {', '.join(sorted(made))}"
                )
                raise FaultAtError(message, "prices", index, "resolution")
            _refuse_undone(price, index, does)
            _refuse_repeat(seen, price, index)
        return self


def _refuse_undone(price: PriceSection, index: int, does: tuple[Verb, ...]) -> None:
    for verb in price.verbs.values():
        if verb not in does:
            message = f"{verb} is not done by this offer; allowed: {', '.join(does)}"
            raise FaultAtError(message, "prices", index, "for")
    if price.of == "whole" and [*price.verbs.values()] != [Verb.EXTEND]:
        message = "whole is for extensions alone: for: extend"
        raise FaultAtError(message, "prices", index, "of")


def _refuse_repeat(seen: set[tuple[str, bool, Verb]], price: PriceSection, index: int) -> None:
    sounds = (True, False) if price.audio is None else (price.audio,)
    for audio, verb in product(sounds, price.verbs.values()):
        if (price.resolution, audio, verb) in seen:
            sound = f"with audio {str(audio).lower()}"
            message = f"{price.resolution} {sound} is already priced above for {verb}"
            raise FaultAtError(message, "prices", index)
        seen.add((price.resolution, audio, verb))


class CatalogSchema(Section):
    """catalog.yaml, or one file of catalog/."""

    models: dict[Name, ModelSection] = Field(default_factory=dict)
    offers: Items[OfferSection] = Field(default_factory=dict)
