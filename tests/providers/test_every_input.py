"""Every input of an order, in each vendor's own form, and taken by the simulated vendor."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from proxy.domain.source import Verb
from proxy.domain.video import Order, OrderInput, OrderSource, Shape
from proxy.providers.kling import wire as kling
from proxy.providers.request_body import RequestBody, data_url_bytes
from proxy.providers.runway import wire as runway
from proxy.providers.vertex import wire as vertex
from tests.providers.accounts import (
    ATTEMPT,
    VERTEX_UPSTREAM,
    Accounts,
    HandClock,
    a_lost_input,
    a_png,
    an_input,
    success_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.gateway.ports.provider import VideoProvider

FIRST, LAST, CAST, SCENE = (
    an_input(content, media_type="image/png") for content in (b"first", b"last", b"cast", b"scene")
)
QUOTES = 'she said ""'
"""Ends as an empty string would: the places of the pictures must not be taken for it."""


def an_order(**inputs: object) -> Order:
    shape = Shape(seconds=8, resolution="720p", aspect_ratio="16:9", audio=False)
    order = Order(prompt=QUOTES, upstream=VERTEX_UPSTREAM, shape=shape)
    return replace(order, **inputs)  # type: ignore[arg-type]


async def sent(document: dict[str, object], order: Order, *, is_data_url: bool = False) -> object:
    body = RequestBody(document, *order.files, is_data_url=is_data_url)
    text = b"".join([piece async for piece in body.stream()])
    assert body.size_bytes == len(text)
    assert body.is_sent
    return json.loads(text)


def decoded(media: dict[str, str]) -> bytes:
    assert "image/png" == media["mimeType"]
    return b64decode(media["bytesBase64Encoded"])


async def test_vertex_takes_frames_and_style() -> None:
    order = an_order(first_frame=FIRST, last_frame=LAST, negative_prompt='no ""', seed=7)
    body = await sent(vertex.create_request(order), order)
    assert isinstance(body, dict)
    (instance,) = body["instances"]
    assert QUOTES == instance["prompt"]
    assert (b"first", b"last") == (decoded(instance["image"]), decoded(instance["lastFrame"]))
    parameters = body["parameters"]
    assert ('no ""', 7) == (parameters["negativePrompt"], parameters["seed"])


async def test_vertex_takes_reference_images_as_assets() -> None:
    order = an_order(reference_images=(CAST, SCENE))
    body = await sent(vertex.create_request(order), order)
    assert isinstance(body, dict)
    found = body["instances"][0]["referenceImages"]
    assert ["asset", "asset"] == [item["referenceType"] for item in found]
    assert [b"cast", b"scene"] == [decoded(item["image"]) for item in found]
    assert {"negativePrompt", "seed"}.isdisjoint(body["parameters"])


async def test_vertex_goes_on_with_a_video() -> None:
    video = an_input(b"a video", media_type="video/mp4")
    order = an_order(source=OrderSource(verb=Verb.EXTEND, seconds=8, file=video))
    body = await sent(vertex.create_request(order), order)
    assert isinstance(body, dict)
    (instance,) = body["instances"]
    encoded = b64encode(b"a video").decode()
    assert {"mimeType": "video/mp4", "bytesBase64Encoded": encoded} == instance["video"]
    assert 8 == body["parameters"]["durationSeconds"]


async def test_kling_takes_both_frames() -> None:
    order = an_order(first_frame=FIRST, last_frame=LAST)
    kind, document = kling.create_request(order, ATTEMPT)
    body = await sent(document, order)
    assert isinstance(body, dict)
    assert "image-to-video" == kind
    assert [
        {"type": "prompt", "text": QUOTES},
        {"type": "first_frame", "url": "Zmlyc3Q="},
        {"type": "last_frame", "url": "bGFzdA=="},
    ] == body["contents"]


async def test_runway_takes_both_frames_and_style() -> None:
    order = an_order(
        upstream="veo3.1", first_frame=FIRST, last_frame=LAST, negative_prompt="blur", seed=0
    )
    kind, document = runway.create_request(order)
    body = await sent(document, order, is_data_url=True)
    assert isinstance(body, dict)
    assert ("image_to_video", "blur", 0) == (kind, body["negativePrompt"], body["seed"])
    assert [
        {"position": "first", "uri": "data:image/png;base64,Zmlyc3Q="},
        {"position": "last", "uri": "data:image/png;base64,bGFzdA=="},
    ] == body["promptImage"]
    assert data_url_bytes(FIRST) == len("data:image/png;base64,Zmlyc3Q=")


async def test_runway_edits_a_file_or_what_is_behind_a_url() -> None:
    video = an_input(b"a video", media_type="video/mp4")
    inline = OrderSource(verb=Verb.EDIT, seconds=8, file=video)
    order = an_order(upstream="aleph2", source=inline, seed=7)
    kind, document = runway.create_request(order)
    body = await sent(document, order, is_data_url=True)
    expected = {"model": "aleph2", "promptText": QUOTES, "seed": 7}
    encoded = b64encode(b"a video").decode()
    assert ("video_to_video", {**expected, "videoUri": f"data:video/mp4;base64,{encoded}"}) == (
        kind,
        body,
    )
    linked = OrderSource(verb=Verb.EDIT, seconds=8, url="https://video.example.com/a?b=c")
    kind, document = runway.create_request(replace(order, source=linked, seed=None))
    assert ("video_to_video", "https://video.example.com/a?b=c") == (kind, document["videoUri"])
    assert "seed" not in document


async def test_a_lost_second_picture_is_a_fault_of_ours() -> None:
    order = an_order(first_frame=FIRST, last_frame=a_lost_input())
    _, document = kling.create_request(order, ATTEMPT)
    body = RequestBody(document, *order.pictures)
    with pytest.raises(FileNotFoundError):
        _ = [piece async for piece in body.stream()]
    assert isinstance(body.fault, FileNotFoundError)
    assert not body.is_sent


def picture() -> OrderInput:
    return an_input(a_png())


KLING: Callable[[Accounts, str], VideoProvider] = lambda accounts, url: accounts.kling(  # noqa: E731
    f"{url}/kling"
)
VERTEX: Callable[[Accounts, str], VideoProvider] = lambda accounts, url: accounts.vertex(  # noqa: E731
    f"{url}/vertex"
)


@pytest.mark.parametrize(
    ("build", "upstream", "order"),
    [
        (KLING, "kling-3.0", an_order(first_frame=picture(), last_frame=picture())),
        (
            VERTEX,
            VERTEX_UPSTREAM,
            an_order(first_frame=picture(), last_frame=picture(), negative_prompt="blur", seed=9),
        ),
        (VERTEX, VERTEX_UPSTREAM, an_order(reference_images=(picture(),) * 3, seed=2**32 - 1)),
    ],
    ids=["kling frames", "vertex frames", "vertex references"],
)
async def test_the_simulated_vendor_takes_it(
    accounts: Accounts,
    simulator_url: str,
    clock: HandClock,
    build: Callable[[Accounts, str], VideoProvider],
    upstream: str,
    order: Order,
) -> None:
    provider = build(accounts, simulator_url)
    operation = await provider.submit(replace(order, upstream=upstream), ATTEMPT)
    await success_of(provider, operation, clock)
