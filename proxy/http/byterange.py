"""The Range header: one range of bytes, or the whole.

Source: RFC 9110 section 14, 2022-06. A header we do not understand, or one that names several
ranges, is ignored, as the RFC allows: the whole is answered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy.domain.errors import RangeNotSatisfiable

_ONE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `start`."""

    start: int
    length: int

    def content_range(self, size_bytes: int) -> str:
        """The Content-Range header."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size_bytes}"


def read_range(header: str | None, size_bytes: int) -> ByteRange | None:
    """The range a request asks for; None = the whole.

    Raises:
        RangeNotSatisfiable: the range lies outside the file.
    """
    match = None if header is None else _ONE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return _last(int(match[2]), size_bytes)
    first, last = int(match[1]), size_bytes - 1
    if match[2]:
        if int(match[2]) < first:
            return None  # Not a valid range at all, so it is ignored.
        last = min(last, int(match[2]))
    if first > last:
        raise _outside(size_bytes)
    return ByteRange(first, last - first + 1)


def _last(count: int, size_bytes: int) -> ByteRange:
    length = min(count, size_bytes)
    if length == 0:
        raise _outside(size_bytes)
    return ByteRange(size_bytes - length, length)


def _outside(size_bytes: int) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(f"the file has {size_bytes} bytes", param="Range")
