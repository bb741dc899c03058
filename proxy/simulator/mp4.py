"""MP4 clips of any length made from small templates, without a codec.

A template's pictures stay as they are; only its timing boxes are rewritten, so a player shows
the asked number of seconds and every frame still decodes. Knows no vendor and no network.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

_HEADER = struct.Struct(">I4s")
_U32 = struct.Struct(">I")
_CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"})
_MOVIE_TIMESCALE = 1000
# stts of a template: version and flags, entry count (1), then (sample count, sample delta).
_STTS_COUNT, _STTS_DELTA = 8, 12
_TICKS_PER_FRAME = 1000
# A 32-bit box size ends at 4 GiB; half of that keeps a mistyped `bytes=` harmless too.
PADDED_BYTES_MAX = 2 * 1024**3
_ZEROS = bytes(64 * 1024)


@dataclass(frozen=True)
class Clip:
    """A whole MP4 file, readable at any offset.

    `head` is the file proper; after it, up to `size_bytes`, comes one `free` box of zeros that
    is never held in memory.
    """

    head: bytes
    size_bytes: int

    def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`; fewer only at the end of the file."""
        stop = min(start + length, self.size_bytes)
        piece = self.head[start:stop]
        missing = max(0, stop - start - len(piece))
        return piece + bytes(missing) if missing else piece

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of [start, stop) in pieces of at most 64 KiB."""
        end = self.size_bytes if stop is None else stop
        while start < end:
            piece = self.read(start, min(len(_ZEROS), end - start))
            start += len(piece)
            yield piece


def make_clip(
    width: int, height: int, seconds: int, size_bytes: int | None = None, *, mark: bytes = b""
) -> Clip:
    """Return the template of this frame size, `seconds` long.

    Args:
        width: Frame width in pixels; with `height` it names a template.
        height: Frame height in pixels.
        seconds: Duration a player will show.
        size_bytes: Pad the file to this size with a `free` box. Too small a size (the clip is
            larger) leaves the clip as it is.
        mark: Bytes for a `free` box, which makes two clips of one form two files.

    Raises:
        FileNotFoundError: There is no template of this frame size.
    """
    head = retimed(_template(width, height), seconds)
    if mark:
        head += _HEADER.pack(_HEADER.size + len(mark), b"free") + mark
    if size_bytes is None or size_bytes < len(head) + _HEADER.size:
        return Clip(head, len(head))
    padding = _HEADER.pack(size_bytes - len(head), b"free")
    return Clip(head + padding, size_bytes)


def retimed(template: bytes, seconds: int) -> bytes:
    """Return `template` with its timing boxes rewritten to last `seconds`.

    Every frame is shown equally long. The media time scale becomes 1000 ticks per frame, so
    that whole seconds are exact.
    """
    data = bytearray(template)
    found = dict(boxes(template, 0, len(template)))
    frames = _U32.unpack_from(data, found[b"stts"] + _STTS_COUNT)[0]
    movie_ticks = seconds * _MOVIE_TIMESCALE
    # Offsets of version-0 boxes. Source: ISO/IEC 14496-12:2022, 8.2.2, 8.3.2, 8.4.2, 8.6.1.2,
    # 8.6.6.
    for box, offset, value in (
        (b"mvhd", 12, _MOVIE_TIMESCALE),
        (b"mvhd", 16, movie_ticks),
        (b"tkhd", 20, movie_ticks),
        (b"elst", 8, movie_ticks),
        (b"mdhd", 12, frames * _TICKS_PER_FRAME),
        (b"mdhd", 16, frames * _TICKS_PER_FRAME * seconds),
        (b"stts", _STTS_DELTA, _TICKS_PER_FRAME * seconds),
    ):
        _U32.pack_into(data, found[box] + offset, value)
    return bytes(data)


def boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int]]:
    """Yield (type, offset of the content) of every box, outer before inner.

    Raises:
        struct.error: The file ends inside a box's head.
    """
    while start < stop:
        size, kind = _HEADER.unpack_from(data, start)
        if size < _HEADER.size:
            return  # a size that means something else, or nothing
        content = start + _HEADER.size
        yield kind, content
        if kind in _CONTAINERS:
            yield from boxes(data, content, start + size)
        start += size


def _template(width: int, height: int) -> bytes:
    return (resources.files("proxy.simulator") / "clips" / f"{width}x{height}.mp4").read_bytes()
