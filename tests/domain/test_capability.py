"""What an offer can make is compared field by field, and nothing is rounded."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.capability import Wanted, find_misfit, own_seconds, shape_of
from proxy.domain.policy import AudioSupport, FrameSupport
from proxy.domain.video import InputFile
from tests.builders import an_offer

if TYPE_CHECKING:
    from proxy.domain.policy import Offer

WANTED = Wanted(
    seconds=5,
    resolution="720p",
    aspect_ratio="16:9",
    audio=None,
    has_first_frame=False,
    prompt_chars=20,
)
OFFER = an_offer(
    seconds=(5, 10),
    resolutions=("720p", "1080p"),
    aspect_ratios=("16:9", "9:16"),
    prompt_chars_max=100,
)


def test_what_fits_has_no_misfit() -> None:
    assert find_misfit(OFFER, WANTED) is None
    assert find_misfit(OFFER, replace(WANTED, audio=True, has_first_frame=True)) is None
    assert find_misfit(OFFER, replace(WANTED, prompt_chars=100)) is None


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (replace(WANTED, seconds=6), "seconds 6 is not one of 5, 10"),
        (replace(WANTED, resolution="4k"), "resolution 4k is not one of 720p, 1080p"),
        (replace(WANTED, aspect_ratio="1:1"), "aspect_ratio 1:1 is not one of 16:9, 9:16"),
        (replace(WANTED, prompt_chars=101), "prompt has 101 characters, at most 100"),
        (replace(WANTED, seconds=7, resolution="4k"), "seconds 7 is not one of"),
    ],
)
def test_a_misfit_names_what_is_allowed(wanted: Wanted, reason: str) -> None:
    assert (find_misfit(OFFER, wanted) or "").startswith(reason)


def test_a_prompt_has_no_limit_where_none_is_known() -> None:
    offer = an_offer(prompt_chars_max=None)
    assert find_misfit(offer, replace(WANTED, prompt_chars=10**6)) is None


@pytest.mark.parametrize(
    ("support", "wanted", "fits"),
    [
        (AudioSupport.NONE, True, False),
        (AudioSupport.NONE, False, True),
        (AudioSupport.NONE, None, True),
        (AudioSupport.OPTIONAL, True, True),
        (AudioSupport.OPTIONAL, False, True),
        (AudioSupport.ALWAYS, True, True),
        (AudioSupport.ALWAYS, False, False),
        (AudioSupport.ALWAYS, None, True),
    ],
)
def test_sound_is_a_matter_of_support(
    support: AudioSupport, wanted: bool | None, fits: bool
) -> None:
    misfit = find_misfit(an_offer(audio=support), replace(WANTED, audio=wanted))
    assert fits == (misfit is None)


@pytest.mark.parametrize(
    ("support", "has_first_frame", "fits"),
    [
        (FrameSupport.NONE, True, False),
        (FrameSupport.NONE, False, True),
        (FrameSupport.OPTIONAL, True, True),
        (FrameSupport.OPTIONAL, False, True),
        (FrameSupport.REQUIRED, True, True),
        (FrameSupport.REQUIRED, False, False),
    ],
)
def test_a_first_frame_is_a_matter_of_support(
    support: FrameSupport, has_first_frame: bool, fits: bool
) -> None:
    wanted = replace(WANTED, has_first_frame=has_first_frame)
    assert fits == (find_misfit(an_offer(first_frame=support), wanted) is None)


@pytest.mark.parametrize(
    ("seconds", "at_least_s", "chosen"),
    [((3, 4, 5), 4, 4), ((5, 10), 4, 5), ((2, 3), 4, 3), ((8,), 4, 8)],
)
def test_an_offers_own_length_is_its_shortest_long_enough(
    seconds: tuple[int, ...], at_least_s: int, chosen: int
) -> None:
    assert chosen == own_seconds(an_offer(seconds=seconds).can, at_least_s)


@pytest.mark.parametrize(
    ("support", "audio_default", "wanted", "audio"),
    [
        (AudioSupport.OPTIONAL, True, None, True),
        (AudioSupport.OPTIONAL, False, None, False),
        (AudioSupport.OPTIONAL, True, False, False),
        (AudioSupport.OPTIONAL, False, True, True),
        (AudioSupport.NONE, True, None, False),
        (AudioSupport.NONE, False, False, False),
        (AudioSupport.ALWAYS, False, None, True),
    ],
)
def test_sound_is_resolved_per_offer(
    support: AudioSupport, audio_default: bool, wanted: bool | None, audio: bool
) -> None:
    offer = an_offer(audio=support, audio_default=audio_default)
    assert audio == shape_of(offer, replace(WANTED, audio=wanted)).audio


def taking(offer: Offer, **inputs: object) -> Offer:
    return replace(offer, can=replace(offer.can, **inputs))  # type: ignore[arg-type]


FRAMES = taking(
    an_offer(seconds=(5, 10), prompt_chars_max=100),
    last_frame=("1080p",),
    negative_prompt=True,
    seed=True,
)
CAST = taking(an_offer(seconds=(4, 6, 8)), reference_images=3, reference_images_seconds=(8,))
BOTH_FRAMES = replace(WANTED, has_first_frame=True, has_last_frame=True, resolution="1080p")


def test_frames_and_style_fit_where_they_are_offered() -> None:
    assert find_misfit(FRAMES, BOTH_FRAMES) is None
    assert find_misfit(FRAMES, replace(WANTED, negative_prompt_chars=100, has_seed=True)) is None
    assert find_misfit(CAST, replace(WANTED, seconds=8, reference_images=3)) is None


@pytest.mark.parametrize(
    ("offer", "wanted", "reason"),
    [
        (OFFER, BOTH_FRAMES, "last_frame is not possible"),
        (
            FRAMES,
            replace(BOTH_FRAMES, has_first_frame=False),
            "last_frame is possible together with input_reference only",
        ),
        (
            FRAMES,
            replace(BOTH_FRAMES, resolution="720p"),
            "last_frame is possible at 1080p only",
        ),
        (OFFER, replace(WANTED, reference_images=1), "reference_images are not possible"),
        (
            CAST,
            replace(WANTED, seconds=8, reference_images=4),
            "reference_images are 4, at most 3",
        ),
        (
            CAST,
            replace(WANTED, seconds=8, reference_images=1, has_first_frame=True),
            "reference_images are not possible together with input_reference",
        ),
        (
            CAST,
            replace(WANTED, seconds=4, reference_images=1),
            "seconds 4 is not one of 8 with reference_images",
        ),
        (OFFER, replace(WANTED, has_seed=True), "seed is not possible"),
        (OFFER, replace(WANTED, negative_prompt_chars=1), "negative_prompt is not possible"),
        (
            FRAMES,
            replace(WANTED, negative_prompt_chars=101),
            "negative_prompt has 101 characters, at most 100",
        ),
    ],
)
def test_an_input_that_is_not_offered_is_named(offer: Offer, wanted: Wanted, reason: str) -> None:
    assert (find_misfit(offer, wanted) or "").startswith(reason)


def test_reference_images_may_stand_beside_frames_where_that_is_offered() -> None:
    offer = taking(an_offer(), reference_images=1, reference_images_with_frames=True)
    wanted = replace(WANTED, reference_images=1, has_first_frame=True)
    assert find_misfit(offer, wanted) is None


def test_reference_images_choose_among_their_own_lengths() -> None:
    assert 4 == own_seconds(CAST.can, 4)
    assert 8 == own_seconds(CAST.can, 4, reference_images=1)


def a_picture(media_type: str = "image/png", size_bytes: int = 100) -> InputFile:
    return InputFile(sha256="a" * 64, size_bytes=size_bytes, media_type=media_type)


PICKY = taking(an_offer(), picture_types=("image/jpeg", "image/png"), picture_bytes_max=100)


@pytest.mark.parametrize(
    ("offer", "picture", "reason"),
    [
        (PICKY, a_picture("image/jpeg"), None),
        (PICKY, a_picture("application/octet-stream"), None),
        (PICKY, a_picture("image/webp"), "a picture is image/webp, not one of image/jpeg, image/"),
        (PICKY, a_picture(size_bytes=101), "a picture has 101 bytes, at most 100 are allowed"),
        (OFFER, a_picture("image/webp", 10**7), None),
    ],
)
def test_pictures_are_judged_by_type_and_size(
    offer: Offer, picture: InputFile, reason: str | None
) -> None:
    wanted = replace(WANTED, has_first_frame=True, pictures=(a_picture(), picture))
    misfit = find_misfit(offer, wanted)
    assert (reason is None) == (misfit is None)
    assert (misfit or "").startswith(reason or "")
