"""Videos inside answers: cut out while they stream, decoded later, files never left behind."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.providers.exchange import TooLarge
from proxy.providers.inline_video import (
    AnswerSplitter,
    SpooledVideo,
    decode_file,
    split_answer,
)
from tests.providers.accounts import files_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

KEY = "bytesBase64Encoded"
BIG = bytes(index % 251 for index in range(3_000_001))


def split(text: bytes, sizes: Sequence[int]) -> tuple[bytes, bytes]:
    """Feed a text in chunks of these sizes, over and over; return the rest and the first video."""
    splitter, video, at, turn = AnswerSplitter(KEY), b"", 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        video += b"".join(splitter.feed(text[at : at + size]))
        at, turn = at + size, turn + 1
    return bytes(splitter.rest), video


async def chunked(text: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


async def spooled(
    text: bytes, folder: Path, *, rest_bytes_max: int = 10_000, video_bytes_max: int = 10**8
) -> tuple[bytes, SpooledVideo | None]:
    return await split_answer(
        chunked(text),
        KEY,
        rest_bytes_max=rest_bytes_max,
        video_bytes_max=video_bytes_max,
        folder=folder,
    )


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.lists(st.integers(1, 9), min_size=1),
    st.booleans(),
)
def test_an_answer_without_a_video_stays_as_it_is(
    content: object, sizes: list[int], is_ascii: bool
) -> None:
    text = json.dumps(content, ensure_ascii=is_ascii).encode(errors="surrogatepass")
    assert (text, b"") == split(text, sizes)


@settings(max_examples=40, deadline=None)
@given(
    st.text(),
    st.lists(st.binary(min_size=1), max_size=3),
    st.lists(st.integers(1, 9), min_size=1),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\n ")]),
)
def test_videos_are_cut_out_and_numbered(
    noise: str, videos: list[bytes], sizes: list[int], separators: tuple[str, str]
) -> None:
    items = [{KEY: base64.b64encode(one).decode(), "mimeType": noise} for one in videos]
    answer = {noise: noise, "list": [noise, KEY, noise], "videos": items, "done": True}
    rest, first = split(json.dumps(answer, separators=separators).encode(), sizes)
    numbered = [{KEY: str(index), "mimeType": noise} for index in range(len(videos))]
    assert answer | {"videos": numbered} == json.loads(rest)
    assert (items[0][KEY].encode() if items else b"") == first


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": "bytesBase64Encoded", "b": "x"}',
        b'["bytesBase64Encoded", "x"]',
        b'{"xbytesBase64Encoded": "x", "bytesBase64EncodedX": "y"}',
        b'{"bytesBase64Encoded": ["x"]}',
        b'{"bytesBase64Encoded": null, "a": "x"}',
        rb'{"\\bytesBase64Encoded": "x", "\"bytesBase64Encoded\": ": "y"}',
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_only_the_key_s_own_string_is_a_video(text: bytes, size: int) -> None:
    assert (text, b"") == split(text, [size])


@pytest.mark.parametrize("junk", [b"", b'"', b"\\", b'{"bytesBase64Encoded": "abc', b"\x00" * 999])
def test_junk_is_split_without_an_error(junk: bytes) -> None:
    rest, video = split(junk, [1])
    assert len(rest) + len(video) <= len(junk) + 1


async def test_a_video_comes_back_whole(tmp_path: Path) -> None:
    text = json.dumps({"v": [{KEY: base64.b64encode(BIG).decode()}]}).encode()
    rest, video = await spooled(text, tmp_path)
    assert {"v": [{KEY: "0"}]} == json.loads(rest)
    assert video is not None
    pieces = [piece async for piece in decode_file(video.path)]
    assert len(pieces) > 2
    assert BIG == b"".join(pieces)
    assert [] == files_in(tmp_path)


async def test_without_a_video_there_is_no_file(tmp_path: Path) -> None:
    for text in (b'{"name": "x"}', b'{"bytesBase64Encoded": ""}'):
        assert (await spooled(text, tmp_path))[1] is None
    assert [] == files_in(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"reason": "x" * 20_000}).encode(),
        json.dumps({KEY: "A" * 4_000_000}).encode(),
        b'{"bytesBase64Encoded": "' + b"A" * 4_000_000,
    ],
)
async def test_what_is_too_large_leaves_no_file(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(TooLarge):
        await spooled(text, tmp_path, video_bytes_max=3_000_000)
    assert [] == files_in(tmp_path)


async def test_an_answer_that_breaks_or_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"bytesBase64Encoded": "' + b"A" * 2_000_000
        started.set()
        await asyncio.Event().wait()

    async def read() -> None:
        limits = {"rest_bytes_max": 1_000, "video_bytes_max": 10**8}
        await split_answer(endless(), KEY, **limits, folder=tmp_path)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await started.wait()
        assert 1 == len(files_in(tmp_path))
        task.cancel()
    assert [] == files_in(tmp_path)


def escaped(change: Callable[[str], str]) -> bytes:
    return change(base64.b64encode(BIG).decode()).encode()


def wrapped(text: str, width: int = 76) -> str:
    lines = (text[at : at + width] for at in range(0, len(text), width))
    return "\\r\\n".join(lines)


@pytest.mark.parametrize(
    "written",
    [
        escaped(lambda text: text.replace("/", "\\/")),
        escaped(lambda text: text.replace("=", "\\u003d").replace("+", "\\u002B")),
        escaped(lambda text: text.replace("/", "\\u002f")),
        escaped(lambda text: text.replace("/", "_").replace("+", "-")),
        escaped(lambda text: text.rstrip("=")),
        escaped(wrapped),
    ],
)
async def test_every_spelling_of_base64_in_json_is_read(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "video.b64"
    path.write_bytes(written)
    assert BIG == b"".join([piece async for piece in decode_file(path)])
    assert not path.exists()


@pytest.mark.parametrize(
    "written", [b"AAA*", b"A" * 5, b"AAAA\\", b"AAAA\\u00", b"AAAA\\x", b"\xff" * 8]
)
async def test_what_is_no_base64_is_an_error_and_its_file_goes(
    tmp_path: Path, written: bytes
) -> None:
    path = tmp_path / "video.b64"
    path.write_bytes(written)
    with pytest.raises(ValueError, match=r"."):
        _ = [piece async for piece in decode_file(path)]
    assert not path.exists()


async def test_a_decoding_that_stops_early_removes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "video.b64"
    path.write_bytes(base64.b64encode(BIG))
    pieces = decode_file(path)
    async for _ in pieces:
        break
    await pieces.aclose()
    assert not path.exists()


async def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _ = [piece async for piece in decode_file(tmp_path / "gone.b64")]


def test_a_video_nobody_wants_any_more_goes(tmp_path: Path) -> None:
    path = tmp_path / "video.b64"
    path.write_bytes(b"AAAA")
    owner = SpooledVideo(path)
    assert [path] == files_in(tmp_path)
    del owner
    gc.collect()
    assert [] == files_in(tmp_path)
