"""A submit's body: exact length, exact text, and whether it left whole."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from proxy.providers.request_body import RequestBody
from tests.providers.accounts import a_lost_input, an_input

QUOTES = 'a ""quoted"" prompt with \\"" and é and \ud800'


async def sent(body: RequestBody) -> bytes:
    return b"".join([piece async for piece in body.stream()])


async def collect(body: RequestBody, sizes: list[int]) -> None:
    async for piece in body.stream():
        sizes.append(len(piece))  # noqa: PERF401 - what came before an error stays


async def test_a_document_alone_is_one_piece() -> None:
    body = RequestBody({"prompt": QUOTES})
    pieces = [piece async for piece in body.stream()]
    assert 1 == len(pieces)
    assert body.size_bytes == len(pieces[0])
    assert {"prompt": QUOTES} == json.loads(pieces[0])


@pytest.mark.parametrize("size_bytes", [1, 2, 3, 65_537, 768 * 1024, 2_000_003])
async def test_an_input_fills_the_last_string(size_bytes: int) -> None:
    content = bytes(index % 251 for index in range(size_bytes))
    body = RequestBody({"prompt": QUOTES, "empty": "", "image": {"data": ""}}, an_input(content))
    text = await sent(body)
    assert body.size_bytes == len(text)
    expected = {"prompt": QUOTES, "empty": "", "image": {"data": b64encode(content).decode()}}
    assert expected == json.loads(text)


async def test_a_body_is_sent_with_its_last_piece() -> None:
    body = RequestBody({"image": ""}, an_input(bytes(2_000_000)))
    seen = [body.is_sent async for _ in body.stream()]
    assert len(seen) > 3
    assert [False] * (len(seen) - 1) + [True] == seen


@pytest.mark.parametrize("size_bytes", [5, 4_000])
async def test_an_input_of_another_length_is_a_fault(size_bytes: int) -> None:
    body = RequestBody({"image": ""}, an_input(bytes(1_000), size_bytes=size_bytes))
    with pytest.raises(ValueError, match="not as long"):
        await sent(body)
    assert isinstance(body.fault, ValueError)
    assert not body.is_sent


async def test_an_input_may_be_a_data_url() -> None:
    source = an_input(b"picture", media_type="image/jpeg")
    body = RequestBody({"prompt": QUOTES, "promptImage": ""}, source, is_data_url=True)
    text = await sent(body)
    assert body.size_bytes == len(text)
    expected = f"data:image/jpeg;base64,{b64encode(b'picture').decode()}"
    assert {"prompt": QUOTES, "promptImage": expected} == json.loads(text)


async def test_no_byte_more_than_announced_is_sent() -> None:
    body = RequestBody({"image": ""}, an_input(bytes(200_000), size_bytes=1_000))
    sizes: list[int] = []
    with pytest.raises(ValueError, match="not as long"):
        await collect(body, sizes)
    assert sum(sizes) < body.size_bytes


async def test_a_lost_input_is_a_fault() -> None:
    body = RequestBody({"image": ""}, a_lost_input())
    with pytest.raises(FileNotFoundError):
        await sent(body)
    assert isinstance(body.fault, FileNotFoundError)
