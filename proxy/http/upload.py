"""Files that came with a request: hashed as they arrive, on disk once they are large."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, NotSupportedYet, PayloadTooLarge
from proxy.domain.video import InputFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PARAM = "input_reference"
FILE_BYTES_MAX = 20 * 2**20
IN_MEMORY_BYTES_MAX = 2**20
READ_BYTES = 2**16
DECODE_INLINE_CHARS_MAX = 2**16
MEDIA_TYPES = ("image/jpeg", "image/png", "image/webp")
UNTYPED = "application/octet-stream"
_HEAD_BYTES = 12
_DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)


class Upload:
    """One file of a request. Close it when the request is done."""

    def __init__(self, declared_type: str | None) -> None:
        self._declared_type = declared_type or UNTYPED
        # Page-cache writes take microseconds; a thread for each would cost more than it saves.
        self._file = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES_MAX)  # noqa: SIM115 - closed by close()
        self._digest = hashlib.sha256()
        self._head = b""
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            PayloadTooLarge: the file is over FILE_BYTES_MAX.
        """
        self.size_bytes += len(chunk)
        if self.size_bytes > FILE_BYTES_MAX:
            message = f"{PARAM} may have at most {FILE_BYTES_MAX} bytes"
            raise PayloadTooLarge(message, param=PARAM)
        if len(self._head) < _HEAD_BYTES:
            self._head = (self._head + chunk)[:_HEAD_BYTES]
        self._digest.update(chunk)
        self._file.write(chunk)

    @property
    def media_type(self) -> str:
        """The type its first bytes show, else the declared one."""
        return sniff(self._head) or self._declared_type

    def check(self) -> Upload:
        """Return the whole file if it can be a picture.

        A file without a type and without a known beginning is passed on: the provider judges it.

        Raises:
            InvalidRequest: it is empty or of another type.
        """
        if self.size_bytes == 0:
            message = f"{PARAM} is an empty file"
            raise InvalidRequest(message, param=PARAM)
        if self.media_type not in (*MEDIA_TYPES, UNTYPED):
            message = f"{PARAM} is {self.media_type[:60]}; allowed: {', '.join(MEDIA_TYPES)}"
            raise InvalidRequest(message, param=PARAM)
        return self

    def as_input(self) -> InputFile:
        """The file as a request names it, whether or not it is stored."""
        return InputFile(
            sha256=self._digest.hexdigest(), size_bytes=self.size_bytes, media_type=self.media_type
        )

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the file from its beginning."""
        self._file.seek(0)
        while chunk := self._file.read(READ_BYTES):
            yield chunk

    def close(self) -> None:
        """Give back memory or disk."""
        self._file.close()


def sniff(head: bytes) -> str | None:
    """The picture type that a file's first 12 bytes show.

    Source: mimesniff.spec.whatwg.org section 6.1, 2026-11-22.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


async def decode_data_url(url: str) -> Upload:
    """Decode a data URL; a large one in a thread.

    Raises:
        NotSupportedYet: it is another kind of URL.
        InvalidRequest: it is not base64 of a picture.
    """
    if len(url) <= DECODE_INLINE_CHARS_MAX:
        return _decode(url)
    return await asyncio.to_thread(_decode, url)


def _decode(url: str) -> Upload:
    match = _DATA_URL.match(url)
    if match is None:
        raise _not_a_data_url(url)
    upload = Upload(match[1].lower())
    try:
        upload.write(base64.b64decode(url[match.end() :].encode("ascii"), validate=True))
        return upload.check()
    except (binascii.Error, UnicodeEncodeError) as error:
        upload.close()
        message = f"{PARAM} is not valid base64"
        raise InvalidRequest(message, param=PARAM) from error
    except (InvalidRequest, PayloadTooLarge):
        upload.close()
        raise


def _not_a_data_url(url: str) -> InvalidRequest | NotSupportedYet:
    if url[:8].lower().startswith(("http://", "https://")):
        message = f"{PARAM} as a web address is not supported yet; send a file or a data URL"
        return NotSupportedYet(message, param=PARAM)
    message = f"{PARAM} must be a file or a data URL (data:image/png;base64,...)"
    return InvalidRequest(message, param=PARAM)
