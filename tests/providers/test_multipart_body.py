"""A multipart submit: exact length, parts a real parser reads, and whether it left whole."""

from __future__ import annotations

from io import BytesIO

import pytest
from multipart import MultipartParser

from proxy.providers.multipart_body import MultipartBody
from tests.providers.accounts import a_lost_input, an_input

PROMPT = 'a "quoted" fox\r\n--elsewhere\r\nand é'
BOUNDARY = "greenlight-video_abc-1"


async def sent(body: MultipartBody) -> bytes:
    return b"".join([piece async for piece in body.stream()])


async def collect(body: MultipartBody, pieces: list[bytes]) -> None:
    async for piece in body.stream():
        pieces.append(piece)  # noqa: PERF401 - what came before an error stays


@pytest.mark.parametrize("size_bytes", [1, 65_537, 2_000_003])
async def test_a_form_with_a_file(size_bytes: int) -> None:
    content = bytes(index % 251 for index in range(size_bytes))
    source = an_input(content, media_type="image/jpeg")
    body = MultipartBody(
        {"prompt": PROMPT, "seconds": "4"}, "input_reference", source, boundary=BOUNDARY
    )
    text = await sent(body)
    assert body.size_bytes == len(text)
    assert f"multipart/form-data; boundary={BOUNDARY}" == body.content_type
    parts = list(MultipartParser(BytesIO(text), BOUNDARY))
    assert [("prompt", PROMPT), ("seconds", "4")] == [
        (part.name, part.value) for part in parts[:2]
    ]
    file = parts[2]
    assert ("input_reference", "input_reference.jpeg", "image/jpeg") == (
        file.name, file.filename, file.content_type
    )  # fmt: skip
    assert content == file.raw
    for part in parts:
        part.close()


async def test_a_body_is_sent_with_its_last_piece() -> None:
    body = MultipartBody({}, "file", an_input(bytes(200_000)), boundary=BOUNDARY)
    seen = [body.is_sent async for _ in body.stream()]
    assert len(seen) > 3
    assert [False] * (len(seen) - 1) + [True] == seen


async def test_a_prompt_that_is_no_text_is_still_sent() -> None:
    body = MultipartBody({"prompt": "\ud800"}, "file", an_input(b"p"), boundary=BOUNDARY)
    assert body.size_bytes == len(await sent(body))


@pytest.mark.parametrize("size_bytes", [5, 4_000])
async def test_an_input_of_another_length_is_a_fault(size_bytes: int) -> None:
    source = an_input(bytes(1_000), size_bytes=size_bytes)
    body = MultipartBody({}, "file", source, boundary=BOUNDARY)
    pieces: list[bytes] = []
    with pytest.raises(ValueError, match="not as long"):
        await collect(body, pieces)
    assert isinstance(body.fault, ValueError)
    assert not body.is_sent
    # What was sent cannot pass for a whole request.
    assert sum(len(piece) for piece in pieces) < body.size_bytes


async def test_a_lost_input_is_a_fault() -> None:
    body = MultipartBody({}, "file", a_lost_input(), boundary=BOUNDARY)
    with pytest.raises(FileNotFoundError):
        await sent(body)
    assert isinstance(body.fault, FileNotFoundError)
