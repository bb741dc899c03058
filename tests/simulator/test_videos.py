"""What the simulator finds out about a video that it is sent, or that a link leads to."""

from __future__ import annotations

import hashlib

import pytest

from proxy.simulator.mp4 import make_clip
from proxy.simulator.videos import Video, fetch_video, read_video
from tests.clip_server import ELSEWHERE, clip_path, serving_clips

CLIP = make_clip(1280, 720, 7).head


def test_a_clip_says_what_it_is() -> None:
    expected = Video(1280, 720, 7.0, len(CLIP), hashlib.sha256(CLIP).hexdigest())
    assert expected == read_video(CLIP)
    padded = b"".join(make_clip(720, 1280, 30, 100_000).chunks())
    found = read_video(padded)
    assert found is not None
    assert (720, 1280, 30.0, 100_000) == (
        found.width,
        found.height,
        found.seconds,
        found.size_bytes,
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no video at all",
        CLIP[:40],
        CLIP[:24],
        CLIP[:24] + bytes(40),
        CLIP.replace(b"mvhd", b"free"),
        CLIP.replace(b"stsd", b"free"),
    ],
)
def test_anything_else_is_no_video(data: bytes) -> None:
    assert read_video(data) is None


async def test_a_link_is_followed_on_this_machine_and_to_the_video_itself() -> None:
    async with serving_clips() as url:
        assert read_video(CLIP) == await fetch_video(url + clip_path())
        assert await fetch_video(url + ELSEWHERE) is None
        assert await fetch_video(f"{url}/nothing.mp4") is None
    assert await fetch_video(url + clip_path()) is None
    assert await fetch_video("http://192.0.2.1/clip.mp4") is None
