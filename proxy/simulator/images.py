"""The format and size of an image, read from its first bytes."""

import base64
import binascii
import struct
from dataclasses import dataclass, field, replace
from hashlib import sha256

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_IHDR = struct.Struct(">II")
_WEBP_HEAD_BYTES = 30
_WEBP_SIDE_MASK = 0x3FFF
_JPEG_SOF = struct.Struct(">BHH")
# Start-of-frame markers carry the size; C4, C8 and CC share their range and do not.
_SOF_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Image:
    """What an image file says about itself; sides in pixels. Its SHA-256 is that of the bytes."""

    mime_type: str
    width: int
    height: int
    sha256: str = field(default="", compare=False)


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of a standard base64 text, None if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def read_image(data: bytes) -> Image | None:
    """Return what a PNG, JPEG or WebP says about itself, None for anything else."""
    image = _read(data)
    return None if image is None else replace(image, sha256=sha256(data).hexdigest())


def _read(data: bytes) -> Image | None:
    if data.startswith(_PNG_SIGNATURE) and data[12:16] == b"IHDR" and len(data) >= 24:  # noqa: PLR2004
        width, height = _PNG_IHDR.unpack_from(data, 16)
        return Image("image/png", width, height)
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP" and len(data) >= _WEBP_HEAD_BYTES:
        return _read_webp(data)
    return None


def _read_jpeg(data: bytes) -> Image | None:
    offset = 2
    while offset + 9 <= len(data) and data[offset] == 0xFF:  # noqa: PLR2004 - marker prefix
        marker = data[offset + 1]
        if marker in _SOF_MARKERS:
            _, height, width = _JPEG_SOF.unpack_from(data, offset + 4)
            return Image("image/jpeg", width, height)
        offset += 2 + int.from_bytes(data[offset + 2 : offset + 4])
    return None


def _read_webp(data: bytes) -> Image | None:
    # Source: RFC 9649, sections 2.5 to 2.7.
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & _WEBP_SIDE_MASK) + 1, (bits >> 14 & _WEBP_SIDE_MASK) + 1
    elif kind == b"VP8 ":
        width = int.from_bytes(data[26:28], "little") & _WEBP_SIDE_MASK
        height = int.from_bytes(data[28:30], "little") & _WEBP_SIDE_MASK
    else:
        return None
    return Image("image/webp", width, height)
