"""What an offer can make is compared field by field, and nothing is rounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.capability import Wanted, find_misfit, own_seconds, shape_of
from proxy.domain.policy import AudioSupport, FrameSupport
from tests.builders import an_offer

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
