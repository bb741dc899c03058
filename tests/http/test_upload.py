from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import InvalidRequest, PayloadTooLarge
from proxy.domain.video import PICTURE_BYTES_MAX
from proxy.http.upload import IN_MEMORY_BYTES_MAX, Upload, decode_data_url
from tests.http.outcome import outcome

PARAM = "reference_images[1]"
JPEG = b"\xff\xd8\xff\xe0" + b"j" * 20


@pytest.mark.parametrize("size_bytes", [100, IN_MEMORY_BYTES_MAX * 2])
async def test_a_file_is_read_back_whole(size_bytes: int) -> None:
    content = (JPEG * (size_bytes // len(JPEG) + 1))[:size_bytes]
    upload = Upload("image/jpeg", param=PARAM)
    for at in range(0, size_bytes, 50_000):
        upload.write(content[at : at + 50_000])
    assert content == b"".join([chunk async for chunk in upload.chunks()])
    assert content == b"".join([chunk async for chunk in upload.chunks()])
    assert hashlib.sha256(content).hexdigest() == upload.as_input().sha256
    upload.close()


def test_first_bytes_outweigh_the_declared_type() -> None:
    upload = Upload("image/png", param=PARAM)
    upload.write(JPEG)
    assert "image/jpeg" == upload.check().media_type
    upload.close()


@pytest.mark.parametrize("declared", [None, "image/png"])
def test_a_file_that_begins_like_no_picture_is_refused(declared: str | None) -> None:
    upload = Upload(declared, param=PARAM)
    upload.write(b"Example data")
    with pytest.raises(InvalidRequest, match="does not begin like a picture; allowed: image/jpeg"):
        upload.check()
    upload.close()


@pytest.mark.parametrize("content", [JPEG, JPEG * 10_000])
async def test_a_data_url_is_decoded(content: bytes) -> None:
    upload = await decode_data_url(
        f"data:image/jpeg;base64,{base64.b64encode(content).decode()}", param=PARAM
    )
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
        await decode_data_url(url, param=PARAM)
    assert PARAM == caught.value.param


async def test_a_large_data_url_is_too_large() -> None:
    url = "data:image/png;base64," + "A" * (PICTURE_BYTES_MAX // 3 * 4 + 8)
    with pytest.raises(PayloadTooLarge):
        await decode_data_url(url, param=PARAM)


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_decoded_or_refused(text: str, is_data: bool) -> None:
    url = f"data:image/png;base64,{text}" if is_data else text
    found = outcome(lambda: asyncio.run(decode_data_url(url, param=PARAM)))
    if isinstance(found, Upload):
        assert found.size_bytes > 0
        found.close()
    else:
        assert PARAM == found.param


def test_a_large_upload_waits_where_it_is_told_to_without_a_name(tmp_path: Path) -> None:
    upload = Upload("image/jpeg", param=PARAM, spool_dir=tmp_path)
    upload.write(JPEG + bytes(IN_MEMORY_BYTES_MAX))
    behind = Path(f"/proc/self/fd/{upload._file.fileno()}").readlink()
    assert tmp_path == behind.parent
    assert [] == list(tmp_path.iterdir())
    upload.close()
