"""What an MP4 that a caller sends, or links to, says about itself.

Of links only those to loopback addresses are ever fetched.
"""

import struct
from dataclasses import dataclass
from hashlib import sha256

import aiohttp
from yarl import URL

from proxy.simulator.callbacks import is_loopback
from proxy.simulator.mp4 import boxes

_FETCH_S = 10.0
_OK = 200
# Offsets of version-0 boxes. Source: ISO/IEC 14496-12:2022, 8.2.2, 8.5.2.
_MVHD = struct.Struct(">12xII")
_STSD = struct.Struct(">40xHH")


@dataclass(frozen=True)
class Video:
    """A whole MP4 with a picture; sides in pixels."""

    width: int
    height: int
    seconds: float
    size_bytes: int
    sha256: str


def read_video(data: bytes) -> Video | None:
    """Return what an MP4 says about itself, None for anything else."""
    if data[4:8] != b"ftyp":
        return None
    try:
        found = dict(boxes(data, 0, len(data)))
        timescale, duration = _MVHD.unpack_from(data, found[b"mvhd"])
        width, height = _STSD.unpack_from(data, found[b"stsd"])
    except (KeyError, struct.error):
        return None
    if not (timescale and width and height):
        return None
    name = sha256(data).hexdigest()
    return Video(width, height, duration / timescale, len(data), name)


async def fetch_video(url: str) -> Video | None:
    """Return the video at a link; None if none came, or the link leads elsewhere than here."""
    if not is_loopback(url):
        return None
    timeout = aiohttp.ClientTimeout(total=_FETCH_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(URL(url, encoded=True), allow_redirects=False) as answer,
        ):
            return read_video(await answer.read()) if answer.status == _OK else None
    except (aiohttp.ClientError, TimeoutError, OSError):
        return None
