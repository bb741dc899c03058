"""Files that came with a request: hashed as they arrive, on disk once they are large."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING

from proxy.domain.errors import InvalidRequest, PayloadTooLarge
from proxy.domain.video import (
    PICTURE_BYTES_MAX,
    PICTURE_HEAD_BYTES,
    PICTURE_TYPES,
    InputFile,
    picture_type,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

IN_MEMORY_BYTES_MAX = 2**20
READ_BYTES = 2**16
DECODE_INLINE_CHARS_MAX = 2**16
UNTYPED = "application/octet-stream"
_DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,", re.IGNORECASE)


class Upload:
    """One file of a request; `param` is the field it came in. Close it when that is done.

    A large one waits in `spool_dir` (None: the system's temporary folder), without a name.
    """

    def __init__(
        self, declared_type: str | None, *, param: str, spool_dir: Path | None = None
    ) -> None:
        self._param = param
        self._declared_type = declared_type or UNTYPED
        # Page-cache writes take microseconds; a thread for each would cost more than it saves.
        self._file = SpooledTemporaryFile(  # noqa: SIM115 - closed by close()
            max_size=IN_MEMORY_BYTES_MAX, dir=None if spool_dir is None else str(spool_dir)
        )
        self._digest = hashlib.sha256()
        self._head = b""
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Append bytes.

        Raises:
            PayloadTooLarge: the file is over PICTURE_BYTES_MAX.
        """
        self.size_bytes += len(chunk)
        if self.size_bytes > PICTURE_BYTES_MAX:
            message = f"{self._param} may have at most {PICTURE_BYTES_MAX} bytes"
            raise PayloadTooLarge(message, param=self._param)
        if len(self._head) < PICTURE_HEAD_BYTES:
            self._head = (self._head + chunk)[:PICTURE_HEAD_BYTES]
        self._digest.update(chunk)
        self._file.write(chunk)

    @property
    def media_type(self) -> str:
        """The type its first bytes show, else the declared one."""
        return picture_type(self._head) or self._declared_type

    def check(self) -> Upload:
        """Return the whole file if it begins like a picture, whatever it was said to be.

        Raises:
            InvalidRequest: it is empty or of another type.
        """
        if self.size_bytes == 0:
            message = f"{self._param} is an empty file"
            raise InvalidRequest(message, param=self._param)
        if picture_type(self._head) is None:
            allowed = ", ".join(PICTURE_TYPES)
            message = f"{self._param} does not begin like a picture; allowed: {allowed}"
            raise InvalidRequest(message, param=self._param)
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


async def decode_data_url(url: str, *, param: str, spool_dir: Path | None = None) -> Upload:
    """Decode a data URL, a large one in a thread; `param` is the field it came in.

    Raises:
        InvalidRequest: it is none, or not one of base64 of a picture.
        PayloadTooLarge: the picture is over PICTURE_BYTES_MAX.
    """
    if len(url) <= DECODE_INLINE_CHARS_MAX:
        return _decode(url, param, spool_dir)
    return await asyncio.to_thread(_decode, url, param, spool_dir)


def _decode(url: str, param: str, spool_dir: Path | None) -> Upload:
    match = _DATA_URL.match(url)
    if match is None:
        message = (
            f"{param} must be a file, a data URL (data:image/png;base64,...) or a web address"
        )
        raise InvalidRequest(message, param=param)
    upload = Upload(match[1].lower(), param=param, spool_dir=spool_dir)
    try:
        upload.write(base64.b64decode(url[match.end() :].encode("ascii"), validate=True))
        return upload.check()
    except (binascii.Error, UnicodeEncodeError) as error:
        upload.close()
        message = f"{param} is not valid base64"
        raise InvalidRequest(message, param=param) from error
    except (InvalidRequest, PayloadTooLarge):
        upload.close()
        raise
