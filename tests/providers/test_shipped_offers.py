"""What the shipped catalog says of an offer is true: the simulated vendor takes all of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import pytest

from proxy.domain.ids import AttemptId
from proxy.domain.policy import AudioSupport, FrameSupport, Offer
from proxy.domain.video import Order, OrderInput, Shape, frame_size_px
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


def shapes(offer: Offer) -> Iterator[Shape]:
    """Every resolution, ratio and kind of sound that has a price, shortest and longest."""
    can = offer.can
    sounds = {
        AudioSupport.NONE: (False,),
        AudioSupport.OPTIONAL: (False, True),
        AudioSupport.ALWAYS: (True,),
    }[can.audio]
    lengths = {can.seconds[0], can.seconds[-1]}
    for resolution, ratio, sound, seconds in product(
        can.resolutions, can.aspect_ratios, sounds, sorted(lengths)
    ):
        if any(
            price.resolution == resolution and price.audio in (None, sound)
            for price in offer.prices
        ):
            yield Shape(seconds=seconds, resolution=resolution, aspect_ratio=ratio, audio=sound)


def orders(offer: Offer) -> Iterator[Order]:
    """What the offer says it can do: each shape, with every input that may go with it."""
    can = offer.can
    for shape in shapes(offer):
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


@pytest.mark.parametrize("name", OFFERS)
async def test_the_simulated_vendor_takes_what_is_offered(
    accounts: Accounts, simulator_url: str, name: str
) -> None:
    offer = OFFERS[name]
    provider = adapter(accounts, simulator_url, offer)
    for number, order in enumerate(orders(offer)):
        operation = await provider.submit(order, AttemptId(f"{ATTEMPT}{number}"))
        assert operation, order
