"""The multipart body of a submit: form fields, then one file, streamed as it is.

Source: https://www.rfc-editor.org/rfc/rfc7578, 2026-11-22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.providers.request_body import check_left

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from proxy.domain.video import OrderInput


class MultipartBody:
    """Form fields and a file; see `SubmitBody`."""

    def __init__(
        self, fields: Mapping[str, str], file_field: str, source: OrderInput, *, boundary: str
    ) -> None:
        """Take the form; `boundary` must be a token nobody could know when the input was made."""
        texts = [_part(boundary, f'name="{name}"', value) for name, value in fields.items()]
        kind = source.media_type.rpartition("/")[2]
        disposition = f'name="{file_field}"; filename="{file_field}.{kind}"'
        file = _part(boundary, f"{disposition}\r\nContent-Type: {source.media_type}", "")
        # Half a surrogate pair is text to JSON, but none to UTF-8.
        self._head = "\r\n".join([*texts, file]).encode(errors="replace")
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._boundary = boundary
        self._source = source
        self.is_sent = False
        self.fault: Exception | None = None

    @property
    def content_type(self) -> str:
        """The header of that name."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def size_bytes(self) -> int:
        """Exact length of the whole body."""
        return len(self._head) + self._source.size_bytes + len(self._tail)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body once, the file in the pieces it is read in."""
        yield self._head
        left_bytes = self._source.size_bytes
        try:
            async for piece in self._source.open():
                left_bytes -= len(piece)
                check_left(left_bytes)
                yield piece
            check_left(-left_bytes)
        except (FileNotFoundError, ValueError) as error:
            self.fault = error
            raise
        self.is_sent = True
        yield self._tail


def _part(boundary: str, disposition: str, value: str) -> str:
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}"
