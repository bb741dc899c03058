"""The probe reads whole files and names what is wrong with others."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pytest

from proxy.artifacts.mp4 import BrokenMp4, Mp4, boxes, probe

if TYPE_CHECKING:
    from pathlib import Path

    from av.video.stream import VideoStream

WIDTH_PX, HEIGHT_PX, FRAMES, RATE = 160, 96, 12, 8


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("mp4") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream: VideoStream = container.add_stream("mpeg4", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        for number in range(FRAMES):
            frame = av.VideoFrame(WIDTH_PX, HEIGHT_PX, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


def probed(tmp_path: Path, content: bytes) -> Mp4:
    path = tmp_path / "probed.mp4"
    path.write_bytes(content)
    return probe(path)


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def handmade(
    *,
    mvhd: bytes = struct.pack(">12xII", 1000, 4500),
    handler: bytes = b"vide",
    size_px: tuple[int, int] = (1280, 720),
    offsets: bytes | None = None,
    media: bytes | None = None,
) -> bytes:
    """A file of the smallest boxes that the probe looks at; its mdat comes before its moov."""
    ftyp = box(b"ftyp", b"isom")
    mdat = box(b"mdat", bytes(100)) if media is None else media
    at = len(ftyp) + 8
    table = offsets if offsets is not None else box(b"stco", struct.pack(">III", 0, 1, at))
    stsd = box(b"stsd", struct.pack(">40xHH", *size_px))
    minf = box(b"minf", box(b"stbl", stsd, table))
    mdia = box(b"mdia", box(b"hdlr", struct.pack(">8x4s", handler)), minf)
    return ftyp + mdat + box(b"moov", box(b"mvhd", mvhd), box(b"trak", mdia))


def test_a_real_clip_tells_its_length_and_size(tmp_path: Path, clip: bytes) -> None:
    read = probed(tmp_path, clip)
    assert pytest.approx(FRAMES / RATE, abs=0.05) == read.duration_s
    assert (WIDTH_PX, HEIGHT_PX, False) == (read.width_px, read.height_px, read.has_audio)


def test_a_clip_cut_anywhere_is_not_whole(tmp_path: Path, clip: bytes) -> None:
    for length in range(0, len(clip), max(1, len(clip) // 60)):
        with pytest.raises(BrokenMp4):
            probed(tmp_path, clip[:length])


def test_bytes_after_the_last_box_are_noticed(tmp_path: Path, clip: bytes) -> None:
    with pytest.raises(BrokenMp4, match="stray"):
        probed(tmp_path, clip + b"\0\0\0")


def test_wide_fields_are_read(tmp_path: Path) -> None:
    wide = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    content = handmade(
        mvhd=struct.pack(">B19xIQ", 1, 600, 600 * 8),
        offsets=box(b"co64", struct.pack(">IIQ", 0, 1, 40)),
        media=wide,
    )
    assert Mp4(duration_s=8.0, width_px=1280, height_px=720, has_audio=False) == probed(
        tmp_path, content
    )


def test_a_last_box_without_a_size_reaches_to_the_end(tmp_path: Path) -> None:
    assert (
        4.5
        == probed(tmp_path, handmade() + struct.pack(">I4s", 0, b"free") + bytes(50)).duration_s
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html>not found</html>", "says"),
        (box(b"moov"), "instead of 'ftyp'"),
        (box(b"ftyp"), "no 'moov'"),
        (box(b"ftyp") + box(b"moov"), "no video track"),
        (handmade(handler=b"soun"), "no video track"),
        (handmade(mvhd=struct.pack(">12xII", 1000, 0)), "how long"),
        (handmade(mvhd=struct.pack(">12xII", 0, 10)), "how long"),
        (handmade(mvhd=struct.pack(">12xII", 1000, 0xFFFF_FFFF)), "how long"),
        (handmade(size_px=(0, 720)), "how large"),
        (handmade(offsets=b""), "no 'stco'"),
        (handmade(offsets=box(b"stco", struct.pack(">II", 0, 0))), "no media"),
        (handmade(offsets=box(b"stco", struct.pack(">III", 0, 1, 9999))), "outside"),
        (handmade(media=b""), "outside"),
        (struct.pack(">I4s", 1, b"ftyp"), "too short"),
        (struct.pack(">I4s", 4, b"ftyp"), "says 4 bytes"),
    ],
)
def test_a_broken_file_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(BrokenMp4, match=reason):
        probed(tmp_path, content)


def test_boxes_tell_where_their_content_lies() -> None:
    content = box(b"free", b"1234") + box(b"skip")
    assert [("free", 8, 12), ("skip", 20, 20)] == [
        (found.kind, found.start, found.end) for found in boxes(content, 0, len(content))
    ]
