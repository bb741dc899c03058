"""Separate an answer from the video inside it while it streams, and decode the video later.

A 20 MiB clip is 26.7 MiB of Base64 in one JSON string. That string goes to a temporary file
piece by piece; everything around it stays in memory, small, and is parsed as usual.
"""

from __future__ import annotations

import asyncio
import base64
import re
import tempfile
import weakref
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

from proxy.providers.exchange import TooLarge

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, Iterator

SPOOL_PREFIX = "greenlight-video-"
"""Temporary files of a crashed process can be told by it."""

FIRST_VIDEO = "0"
"""What stands in the split answer where the first video's Base64 was."""

_WRITE_BYTES = 512 * 1024
_READ_BYTES = 1024 * 1024
_COLON = re.compile(rb"\s*:\s*")
_GAP_BYTES_MAX = 64
_SPECIAL = re.compile(rb'["\\]')
_QUOTE = ord('"')
# JSON may escape what Base64 contains: "/" always, "=" and "+" in encoders that guard HTML.
_ESCAPE = re.compile(rb"\\(?:/|[nr]|u00(?:2[bB]|2[fF]|3[dD]))")
_ESCAPES = {b"/": b"/", b"n": b"", b"r": b"", b"u002b": b"+", b"u002f": b"/", b"u003d": b"="}
_ESCAPE_BYTES_MAX = 6
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")


class AnswerSplitter:
    """Splits a JSON text, fed in chunks, into the first inline video and the rest.

    A video is the string that follows `key`. In `rest` the Base64 of each video is replaced by
    its ordinal: "0", "1" and so on.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self.rest = bytearray()
        self._videos = 0
        self._is_in_string = False
        self._is_in_video = False
        self._is_escaped = False
        self._string = bytearray()  # the current or last string, as far as it can be the key
        self._gap = bytearray()  # what followed it

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next chunk; yield what it holds of the first video, escapes and all."""
        at = 0
        while at < len(chunk):
            if not self._is_in_string:
                at = self._pass_structure(chunk, at)
                continue
            end, is_closed = self._string_end(chunk, at)
            if not self._is_in_video:
                self._keep_string(chunk[at:end])
            elif self._videos == 1 and end > at:
                yield chunk[at:end]
            at = end
            if is_closed:
                self.rest += b'"'
                self._is_in_string = self._is_in_video = False
                at += 1

    def _pass_structure(self, chunk: bytes, at: int) -> int:
        """Keep what stands between two strings; return where the next string begins."""
        quote = chunk.find(b'"', at)
        end = len(chunk) if quote < 0 else quote
        self.rest += chunk[at:end]
        self._gap += chunk[at : min(end, at + _GAP_BYTES_MAX)]
        if quote < 0:
            return end
        self.rest += b'"'
        self._is_in_string = True
        self._is_in_video = self._string == self._key and bool(_COLON.fullmatch(self._gap))
        self._string.clear()
        self._gap.clear()
        if self._is_in_video:
            self.rest += str(self._videos).encode()
            self._videos += 1
        return quote + 1

    def _string_end(self, chunk: bytes, at: int) -> tuple[int, bool]:
        """Return where the string's content ends in this chunk, and whether a quote ends it."""
        if self._is_escaped:
            self._is_escaped = False
            at += 1
        while match := _SPECIAL.search(chunk, at):
            if chunk[match.start()] == _QUOTE:
                return match.start(), True
            at = match.start() + 2
        self._is_escaped = at > len(chunk)
        return len(chunk), False

    def _keep_string(self, content: bytes) -> None:
        self.rest += content
        self._string += content[: len(self._key) + 1 - len(self._string)]


async def split_answer(
    chunks: AsyncIterable[bytes],
    key: str,
    *,
    rest_bytes_max: int,
    video_bytes_max: int,
    folder: Path | None,
) -> tuple[bytes, SpooledVideo | None]:
    """Read an answer; return it without videos, and the first video's Base64 in a file.

    Raises:
        TooLarge: either part went past its limit. No file is left, whatever is raised.
    """
    splitter, spool = AnswerSplitter(key), _Spool(folder)
    with ExitStack() as undo:
        undo.callback(spool.discard)
        async for chunk in chunks:
            for piece in splitter.feed(chunk):
                await spool.write(piece)
            if len(splitter.rest) > rest_bytes_max or spool.size_bytes > video_bytes_max:
                raise TooLarge
        path = await spool.finish()
        undo.pop_all()
    return bytes(splitter.rest), None if path is None else SpooledVideo(path)


class SpooledVideo:
    """Owns the file that `split_answer` left: it is removed with its last owner, used or not.

    A success may never be downloaded: its job was cancelled, or its lease lost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        weakref.finalize(self, _remove, path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


class _Spool:
    """A temporary file that exists from the first byte on; written off the event loop."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._waiting = bytearray()
        self.size_bytes = 0

    async def write(self, piece: bytes) -> None:
        self._waiting += piece
        self.size_bytes += len(piece)
        if len(self._waiting) >= _WRITE_BYTES:
            await asyncio.to_thread(self._flush)

    async def finish(self) -> Path | None:
        if self._waiting:
            await asyncio.to_thread(self._flush)
        if self._file is None:
            return None
        self._file.close()
        return Path(self._file.name)

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)

    def _flush(self) -> None:
        if self._file is None:
            self._file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - outlives this function
                prefix=SPOOL_PREFIX, suffix=".b64", dir=self._folder, delete=False
            )
        waiting, self._waiting = self._waiting, bytearray()
        self._file.write(waiting)


async def decode_file(path: Path) -> AsyncGenerator[bytes, None]:
    """Yield the decoded content of a Base64 file in pieces, and remove the file at the end.

    Raises:
        ValueError: it is not Base64.
        FileNotFoundError: it is gone.
    """
    decoder = _Decoder(path)
    try:
        while piece := await asyncio.to_thread(decoder.read):
            yield piece
    finally:
        decoder.close()


class _Decoder:
    """Reads a Base64 file piece by piece; every call blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._escaped = b""  # an escape that may be cut in two
        self._waiting = b""  # an incomplete group of four

    def read(self) -> bytes:
        """Return the next decoded piece, b"" at the end."""
        if self._file is None:
            self._file = self._path.open("rb")
        while raw := self._file.read(_READ_BYTES):
            groups = self._waiting + self._plain(raw)
            whole = len(groups) // 4 * 4
            self._waiting = groups[whole:]
            if whole:
                return base64.b64decode(groups[:whole], validate=True)
        last, self._waiting = self._waiting + self._escaped, b""
        self._escaped = b""
        return base64.b64decode(last + b"=" * (-len(last) % 4), validate=True)

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _plain(self, raw: bytes) -> bytes:
        raw = self._escaped + raw
        self._escaped = b""
        cut = raw.rfind(b"\\", max(0, len(raw) - _ESCAPE_BYTES_MAX + 1))
        if cut >= 0 and not _ESCAPE.match(raw, cut):
            raw, self._escaped = raw[:cut], raw[cut:]
        if b"\\" in raw:
            raw = _ESCAPE.sub(lambda match: _ESCAPES[match[0][1:].lower()], raw)
        return raw.translate(_TO_STANDARD)
