"""Which finished videos an offer takes, and how it is given them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.domain.capability import find_misfit, shape_of, way_for
from proxy.domain.policy import AudioSupport, Offer
from proxy.domain.source import Source, SourceSupport, Verb, Way
from proxy.domain.source_fit import Given, find_source_misfit, find_way
from proxy.domain.wanted import wanted_of
from tests.builders import OPENAI, a_policy, a_snapshot, an_offer
from tests.job_builders import a_request
from tests.source_builders import a_given, a_source, a_support, that_can

MAKER = an_offer()
OTHER = an_offer(OPENAI, "sora-2")
REMIX, EDIT, EXTEND = Verb.REMIX, Verb.EDIT, Verb.EXTEND
ORIGIN, BYTES, LINK = Way.ORIGIN, Way.BYTES, Way.LINK


def misfit(
    support: SourceSupport, given: Given | None = None, offer: Offer = MAKER, seconds: int = 4
) -> str | None:
    return find_source_misfit(offer, support, given or a_given(), seconds=seconds)


def test_where_the_video_was_made_it_is_known_by_its_name() -> None:
    assert ORIGIN is find_way(MAKER, a_support(), a_given())
    assert misfit(a_support()) is None


@pytest.mark.parametrize(
    ("support", "given", "offer", "said"),
    [
        (a_support(), a_given(), OTHER, "remix is possible where the video was made only"),
        (
            a_support(),
            a_given(has_account=False),
            MAKER,
            "the account main, which made the video, is not configured",
        ),
        (
            a_support(BYTES, bytes_max={BYTES: 999}),
            a_given(),
            OTHER,
            "the video has 1000 bytes, at most 999 can be sent",
        ),
        (
            a_support(LINK, bytes_max={LINK: 999}),
            a_given(),
            OTHER,
            "the video has 1000 bytes, at most 999 can be fetched",
        ),
        (
            a_support(LINK),
            a_given(has_links=False),
            OTHER,
            "it fetches the video from here, which needs public_url",
        ),
        (
            a_support(BYTES, LINK, bytes_max={BYTES: 5}),
            a_given(has_links=False),
            OTHER,
            "the video has 1000 bytes, at most 5 can be sent;"
            " it fetches the video from here, which needs public_url",
        ),
    ],
)
def test_a_way_that_is_closed_is_named(
    support: SourceSupport, given: Given, offer: Offer, said: str
) -> None:
    assert find_way(offer, support, given) is None
    assert said == misfit(support, given, offer)


def test_the_first_way_that_is_open_is_taken() -> None:
    ways = a_support(ORIGIN, BYTES, LINK, bytes_max={BYTES: 1_000})
    assert ORIGIN is find_way(MAKER, ways, a_given())
    assert BYTES is find_way(OTHER, ways, a_given())
    larger = a_given(a_source(size_bytes=1_001))
    assert LINK is find_way(OTHER, ways, larger)
    assert misfit(ways, larger, OTHER) is None


@pytest.mark.parametrize(
    ("support", "source", "seconds", "said"),
    [
        (
            replace(a_support(), resolutions=("1080p",)),
            a_source(),
            4,
            "the video's resolution 720p is not one of 1080p",
        ),
        (
            replace(a_support(), aspect_ratios=("9:16", "1:1")),
            a_source(),
            4,
            "the video's aspect ratio 16:9 is not one of 9:16, 1:1",
        ),
        (
            a_support(seconds=range(5, 16)),
            a_source(),
            4,
            "the video's length of 4 s is not one of 5 to 15",
        ),
        (
            a_support(seconds=(5, 10)),
            a_source(),
            4,
            "the video's length of 4 s is not one of 5, 10",
        ),
        (
            a_support(seconds=(1, 2, 3, 5, 6, 7)),
            a_source(),
            4,
            "the video's length of 4 s is not one of 1, 2, 3, 5, 6, 7",
        ),
        (a_support(adds=(7,)), a_source(EXTEND), 8, "seconds 8 is not one of 7"),
        (
            a_support(models=("veo-*",)),
            a_source(),
            4,
            "the video was made by kling-3.0, not by one of veo-*",
        ),
    ],
)
def test_a_video_that_cannot_be_taken_is_told_why(
    support: SourceSupport, source: Source, seconds: int, said: str
) -> None:
    given = replace(a_given(), source=source)
    assert said == misfit(support, given, seconds=seconds)


def test_its_form_is_the_offer_s_where_nothing_else_is_said() -> None:
    small = an_offer(resolutions=("1080p",))
    assert "the video's resolution 720p is not one of 1080p" == misfit(a_support(), offer=small)


def test_what_fits_fits() -> None:
    support = a_support(seconds=(4,), adds=(7,), models=("kling-*",))
    assert misfit(support, a_given(a_source(EXTEND)), seconds=7) is None


@pytest.mark.parametrize(
    ("offer", "verb", "said"),
    [
        (MAKER, REMIX, "it cannot remix"),
        (that_can({EDIT: a_support()}), EXTEND, "it cannot extend"),
        (that_can({REMIX: a_support()}), REMIX, None),
        (
            that_can({REMIX: a_support(is_silent=True)}),
            REMIX,
            "audio true is not possible: its videos are silent",
        ),
    ],
)
def test_an_offer_does_what_it_says(offer: Offer, verb: Verb, said: str | None) -> None:
    source = a_source(verb)
    audio = True if said and "audio" in said else None
    request = replace(a_request(), source=source, audio=audio)
    wanted = wanted_of(request, a_policy(), a_snapshot())
    assert said == find_misfit(offer, wanted)
    if said is None:
        assert ORIGIN is way_for(offer, wanted)


def test_an_offer_that_does_not_create_says_what_it_does() -> None:
    offer = that_can({EDIT: a_support(), REMIX: a_support()})
    edits = replace(offer, can=replace(offer.can, creates=False))
    wanted = replace(wanted_of(a_request(), a_policy(), a_snapshot()), seconds=4)
    assert "it makes none from a prompt alone: it can edit, remix" == find_misfit(edits, wanted)
    assert way_for(offer, wanted) is None


@pytest.mark.parametrize(("is_silent", "sound"), [(False, True), (True, False)])
def test_a_verb_may_be_silent_where_the_offer_is_not(*, is_silent: bool, sound: bool) -> None:
    offer = that_can({REMIX: a_support(is_silent=is_silent)}, an_offer(audio=AudioSupport.ALWAYS))
    wanted = wanted_of(replace(a_request(), source=a_source()), a_policy(), a_snapshot())
    assert sound is shape_of(offer, wanted).audio
