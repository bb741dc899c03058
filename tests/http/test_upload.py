from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import InvalidRequest, NotSupportedYet, PayloadTooLarge
from proxy.http.upload import (
    FILE_BYTES_MAX,
    IN_MEMORY_BYTES_MAX,
    Upload,
    decode_data_url,
    sniff,
)
from tests.http.outcome import outcome

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 20


@pytest.mark.parametrize("size_bytes", [100, IN_MEMORY_BYTES_MAX * 2])
async def test_a_file_is_read_back_whole(size_bytes: int) -> None:
    content = (JPEG * (size_bytes // len(JPEG) + 1))[:size_bytes]
    upload = Upload("image/jpeg")
    for at in range(0, size_bytes, 50_000):
        upload.write(content[at : at + 50_000])
    assert content == b"".join([chunk async for chunk in upload.chunks()])
    assert content == b"".join([chunk async for chunk in upload.chunks()])
    assert hashlib.sha256(content).hexdigest() == upload.as_input().sha256
    upload.close()


def test_first_bytes_outweigh_the_declared_type() -> None:
    upload = Upload("image/png")
    upload.write(JPEG)
    assert "image/jpeg" == upload.check().media_type
    upload.close()


def test_a_file_of_no_known_type_is_left_to_the_provider() -> None:
    upload = Upload(None)
    upload.write(b"Example data")
    assert "application/octet-stream" == upload.check().media_type
    upload.close()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVE", None),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_sniffing_knows_three_types(head: bytes, expected: str | None) -> None:
    assert expected == sniff(head)


@pytest.mark.parametrize("content", [JPEG, JPEG * 10_000])
async def test_a_data_url_is_decoded(content: bytes) -> None:
    upload = await decode_data_url(f"data:image/jpeg;base64,{base64.b64encode(content).decode()}")
    assert (content, "image/jpeg") == (
        b"".join([chunk async for chunk in upload.chunks()]),
        upload.media_type,
    )
    upload.close()


@pytest.mark.parametrize(
    ("url", "phrase"),
    [
        ("", "data URL"),
        ("fox.png", "data URL"),
        ("data:image/png,raw", "data URL"),
        ("data:image/png;base64,", "empty"),
        ("data:image/png;base64,A", "base64"),
        ("data:image/png;base64,ä", "base64"),
        ("data:image/png;base64,AA==\n", "base64"),
        ("data:text/html;base64,PGI+", "image/png"),
        ("file:///etc/passwd", "data URL"),
    ],
)
async def test_another_text_is_refused(url: str, phrase: str) -> None:
    with pytest.raises(InvalidRequest, match=phrase) as caught:
        await decode_data_url(url)
    assert "input_reference" == caught.value.param


@pytest.mark.parametrize("url", ["https://example.com/a.png", "HTTP://example.com/a.png"])
async def test_a_web_address_is_not_supported_yet(url: str) -> None:
    with pytest.raises(NotSupportedYet) as caught:
        await decode_data_url(url)
    assert "input_reference" == caught.value.param


async def test_a_large_data_url_is_too_large() -> None:
    url = "data:image/png;base64," + "A" * (FILE_BYTES_MAX // 3 * 4 + 8)
    with pytest.raises(PayloadTooLarge):
        await decode_data_url(url)


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_decoded_or_refused(text: str, is_data: bool) -> None:
    url = f"data:image/png;base64,{text}" if is_data else text
    found = outcome(lambda: asyncio.run(decode_data_url(url)))
    if isinstance(found, Upload):
        assert found.size_bytes > 0
        found.close()
    else:
        assert "input_reference" == found.param
