"""What the shipped catalog says of an offer is true: the simulated vendor takes all of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import AttemptId
from proxy.domain.policy import AudioSupport, FrameSupport, Offer
from proxy.domain.source import Verb, Way
from proxy.domain.video import Order, OrderInput, OrderSource, Shape, frame_size_px
from proxy.simulator.mp4 import make_clip
from tests.clip_server import clip_path, serving_clips
from tests.config.test_shipped import shipped
from tests.providers.accounts import ATTEMPT, Accounts, a_png, an_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.gateway.ports.provider import VideoProvider

OFFERS = {
    f"{offer.provider} {offer.upstream}": offer
    for offer in shipped().snapshot.offers
    # The simulator has no models whose price nobody publishes.
    if offer.prices
}
PATHS = {"openai": "openai/v1"}


def adapter(accounts: Accounts, simulator_url: str, offer: Offer) -> VideoProvider:
    build: dict[str, Callable[[str], VideoProvider]] = {
        "kling": accounts.kling,
        "vertex": accounts.vertex,
        "runway": accounts.runway,
        "openai": accounts.openai,
    }
    return build[offer.provider](f"{simulator_url}/{PATHS.get(offer.provider, offer.provider)}")


@cache
def picture(resolution: str, aspect_ratio: str) -> OrderInput:
    width_px, height_px = frame_size_px(resolution, aspect_ratio)
    return an_input(a_png(width_px=width_px, height_px=height_px))


def shapes(offer: Offer, verb: Verb) -> Iterator[Shape]:
    """Every resolution, ratio and kind of sound that has a price, shortest and longest."""
    can, support = offer.can, offer.can.verbs.get(verb)
    sounds = {
        AudioSupport.NONE: (False,),
        AudioSupport.OPTIONAL: (False, True),
        AudioSupport.ALWAYS: (True,),
    }[can.audio]
    lengths = (support.adds or support.seconds) if support else can.seconds
    resolutions = (support and support.resolutions) or can.resolutions
    ratios = (support and support.aspect_ratios) or can.aspect_ratios
    for resolution, ratio, sound, seconds in product(resolutions, ratios, sounds, _ends(lengths)):
        shape = Shape(seconds=seconds, resolution=resolution, aspect_ratio=ratio, audio=sound)
        if any(price.fits(shape, verb) for price in offer.prices):
            yield shape


def creates(offer: Offer) -> Iterator[Order]:
    """What the offer says it makes from a prompt: each shape, with every input it may have."""
    can = offer.can
    for shape in shapes(offer, Verb.CREATE):
        plain = Order(prompt="a red fox", upstream=offer.upstream, shape=shape)
        frame = picture(shape.resolution, shape.aspect_ratio)
        if can.first_frame is not FrameSupport.REQUIRED:
            yield plain
        if can.first_frame is not FrameSupport.NONE:
            plain = replace(plain, first_frame=frame)
            yield plain
        if shape.resolution in can.last_frame:
            yield replace(plain, last_frame=frame)
        yield replace(
            plain,
            negative_prompt="blur" if can.negative_prompt else None,
            seed=2**32 - 1 if can.seed else None,
        )
        if can.reference_images and shape.seconds in (can.reference_images_seconds or can.seconds):
            references = (frame,) * can.reference_images
            yield replace(plain, first_frame=None, reference_images=references)


def derived(offer: Offer, clips_url: str) -> Iterator[Order]:
    """What it says it makes from a video that it is given: each shape, the shortest and longest.

    The first is as large as one may be. What it makes only of its own is with the tests of its
    adapter.
    """
    for verb, support in offer.can.verbs.items():
        forms = product(shapes(offer, verb), support.ways, _ends(support.seconds))
        for number, (shape, way, seconds) in enumerate(forms):
            if way is Way.ORIGIN:
                continue
            width, height = frame_size_px(shape.resolution, shape.aspect_ratio)
            most = 0 if number else support.bytes_max.get(way, 0)
            source = OrderSource(
                verb=verb,
                seconds=seconds,
                file=a_clip(width, height, seconds, most) if way is Way.BYTES else None,
                url=clips_url + clip_path(width, height, seconds, most)
                if way is Way.LINK
                else None,
            )
            yield Order(prompt="at night", upstream=offer.upstream, shape=shape, source=source)


def a_clip(width: int, height: int, seconds: int, size_bytes: int) -> OrderInput:
    clip = make_clip(width, height, seconds, size_bytes)
    return an_input(b"".join(clip.chunks()), media_type="video/mp4")


def _ends(values: tuple[int, ...]) -> list[int]:
    return sorted({*values[:1], *values[-1:]})


@pytest.mark.parametrize("name", OFFERS)
async def test_the_simulated_vendor_takes_what_is_offered(
    accounts: Accounts, simulator_url: str, name: str
) -> None:
    offer = OFFERS[name]
    provider = adapter(accounts, simulator_url, offer)
    made = creates(offer) if offer.can.creates else ()
    async with serving_clips() as clips_url:
        orders = [*made, *derived(offer, clips_url)]
        for number, order in enumerate(orders):
            operation = await provider.submit(order, AttemptId(f"{ATTEMPT}{number}"))
            assert operation, order
    assert {order.source.verb for order in orders if order.source} == {
        verb for verb, support in offer.can.verbs.items() if support.ways != (Way.ORIGIN,)
    }
