"""What an MP4 file says about itself, read from its boxes: is it whole, how long, how large.

No codec: the frames themselves are not looked at.
Source: ISO/IEC 14496-12 (ISO base media file format), 4.2 (boxes), 8.2.2 (mvhd), 8.4.3 (hdlr),
8.5.2 (stsd), 8.7.5 (stco, co64).
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Bytes = bytes | mmap.mmap

HEADER_BYTES = 8
WIDE_HEADER_BYTES = 16
UNKNOWN_DURATIONS = (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)


class BrokenMp4(ValueError):
    """The file is not a whole MP4; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4:
    """Length in seconds and the frame of the first video track, in pixels as stored."""

    duration_s: float
    width_px: int
    height_px: int
    has_audio: bool


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its content lies in [start, end) of the file."""

    kind: str
    start: int
    end: int


def probe(path: Path) -> Mp4:
    """Read a local MP4's boxes, without loading the file.

    Raises:
        BrokenMp4: it is cut short, its boxes do not fill it, or it holds no video.
        OSError: it cannot be read.
    """
    if path.stat().st_size == 0:
        message = "is empty"
        raise BrokenMp4(message)
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        try:
            return _probe(data)
        except struct.error as error:
            message = "a box is too short for its fields"
            raise BrokenMp4(message) from error


def boxes(data: Bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes that fill [start, end) of a file.

    Raises:
        BrokenMp4: one reaches past the end, or bytes are left that are no box.
    """
    while start < end:
        if end - start < HEADER_BYTES:
            message = f"{end - start} stray bytes at {start}"
            raise BrokenMp4(message)
        size, raw_kind = struct.unpack_from(">I4s", data, start)
        kind = raw_kind.decode("latin-1")
        header = HEADER_BYTES
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + HEADER_BYTES)
            header = WIDE_HEADER_BYTES
        elif size == 0:
            size = end - start
        if size < header or start + size > end:
            message = f"box {kind!r} at {start} says {size} bytes, {end - start} are there"
            raise BrokenMp4(message)
        yield Box(kind, start + header, start + size)
        start += size


def _probe(data: Bytes) -> Mp4:
    top = list(boxes(data, 0, len(data)))
    if top[0].kind != "ftyp":
        message = f"begins with {top[0].kind!r} instead of 'ftyp'"
        raise BrokenMp4(message)
    movie = list(_within(data, _find(top, "moov")))
    media = [box for box in top if box.kind == "mdat"]
    tracks = [list(_within(data, box)) for box in movie if box.kind == "trak"]
    kinds = [_handler(data, track) for track in tracks]
    if "vide" not in kinds:
        message = "holds no video track"
        raise BrokenMp4(message)
    for track in tracks:
        _check_chunks(data, track, media)
    width_px, height_px = _frame(data, tracks[kinds.index("vide")])
    return Mp4(
        duration_s=_duration_s(data, _find(movie, "mvhd")),
        width_px=width_px,
        height_px=height_px,
        has_audio="soun" in kinds,
    )


def _within(data: Bytes, box: Box) -> Iterator[Box]:
    return boxes(data, box.start, box.end)


def _find(found: list[Box], kind: str) -> Box:
    for box in found:
        if box.kind == kind:
            return box
    message = f"has no {kind!r} box"
    raise BrokenMp4(message)


def _down(data: Bytes, track: list[Box], *kinds: str) -> Box:
    box = _find(track, kinds[0])
    for kind in kinds[1:]:
        box = _find(list(_within(data, box)), kind)
    return box


def _duration_s(data: Bytes, mvhd: Box) -> float:
    # Version 1 has 64-bit times and duration.
    layout = ">20xIQ" if data[mvhd.start] == 1 else ">12xII"
    timescale, duration = struct.unpack_from(layout, data, mvhd.start)
    if not timescale or not duration or duration in UNKNOWN_DURATIONS:
        message = "does not say how long it is"
        raise BrokenMp4(message)
    return float(duration / timescale)


def _handler(data: Bytes, track: list[Box]) -> str:
    box = _down(data, track, "mdia", "hdlr")
    (kind,) = struct.unpack_from(">8x4s", data, box.start)
    return str(kind.decode("latin-1"))


def _frame(data: Bytes, track: list[Box]) -> tuple[int, int]:
    # The sample entry: 8 bytes of full box and count, 8 of its own header, 24 to the frame's size.
    stsd = _down(data, track, "mdia", "minf", "stbl", "stsd")
    width_px, height_px = struct.unpack_from(">40xHH", data, stsd.start)
    if not width_px or not height_px:
        message = "does not say how large its frame is"
        raise BrokenMp4(message)
    return width_px, height_px


def _check_chunks(data: Bytes, track: list[Box], media: list[Box]) -> None:
    """Make sure that every chunk of a track begins inside an mdat of this file."""
    table = list(_within(data, _down(data, track, "mdia", "minf", "stbl")))
    wide = next((box for box in table if box.kind == "co64"), None)
    box = wide or _find(table, "stco")
    (count,) = struct.unpack_from(">4xI", data, box.start)
    if count == 0:
        message = "a track has no media"
        raise BrokenMp4(message)
    offsets = struct.unpack_from(f">8x{count}{'Q' if wide else 'I'}", data, box.start)
    for offset in offsets:
        if not any(box.start <= offset < box.end for box in media):
            message = f"media at {offset} lies outside the file's 'mdat'"
            raise BrokenMp4(message)
