"""Frame sizes follow from resolution and aspect ratio, a picture's type from its first bytes."""

from __future__ import annotations

import pytest

from proxy.domain.video import (
    PICTURE_HEAD_BYTES,
    PICTURE_TYPES,
    RESOLUTIONS,
    SHORT_SIDE_PX,
    InputFile,
    VideoJob,
    frame_size_px,
    picture_type,
)


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "size_px"),
    [
        ("720p", "16:9", (1280, 720)),
        ("720p", "9:16", (720, 1280)),
        ("1080p", "16:9", (1920, 1080)),
        ("1080p", "1:1", (1080, 1080)),
        ("4k", "16:9", (3840, 2160)),
        ("4k", "9:16", (2160, 3840)),
        ("480p", "16:9", (854, 480)),
        ("720p", "4:3", (960, 720)),
        ("720p", "21:9", (1680, 720)),
    ],
)
def test_frames(resolution: str, aspect_ratio: str, size_px: tuple[int, int]) -> None:
    assert size_px == frame_size_px(resolution, aspect_ratio)


def test_every_resolution_has_a_short_side_and_even_frames() -> None:
    assert set(RESOLUTIONS) == set(SHORT_SIDE_PX)
    for resolution in RESOLUTIONS:
        for aspect_ratio in ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "5:4"):
            assert [0, 0] == [side % 2 for side in frame_size_px(resolution, aspect_ratio)]


def test_nonsense_is_not_guessed() -> None:
    with pytest.raises(KeyError):
        frame_size_px("8k", "16:9")
    with pytest.raises(ValueError, match=r"invalid literal|unpack"):
        frame_size_px("720p", "wide")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\x00\x00\x00WAVE", None),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_a_picture_s_type_is_what_its_first_bytes_show(head: bytes, expected: str | None) -> None:
    assert expected == picture_type(head)
    assert expected == picture_type(head[:PICTURE_HEAD_BYTES])
    assert expected in {*PICTURE_TYPES, None}


def test_pictures_stand_in_the_order_of_their_fields() -> None:
    files = [InputFile(sha256=name, size_bytes=1, media_type="image/png") for name in "abcd"]
    job = VideoJob(
        prompt="x",
        input_reference=files[0],
        last_frame=files[1],
        reference_images=tuple(files[2:]),
    )
    assert tuple(files) == job.pictures
    assert () == VideoJob(prompt="x").pictures
