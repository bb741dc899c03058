"""Multipart and URL-encoded forms as fields, with bracketed keys such as `metadata[shot]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from multipart import MultipartError, ParserLimitReached, PushMultipartParser

from proxy.domain.errors import InvalidRequest, PayloadTooLarge
from proxy.http.jsonbody import parse_object
from proxy.http.upload import PARAM as FILE_FIELD
from proxy.http.upload import UNTYPED, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import ExitStack

    from multipart import MultipartSegment

PARTS_MAX = 64
TEXT_BYTES_MAX = 256 * 2**10
"""Bytes of a text part; `input_reference`, maybe a data URL, has only the body's limit."""
OBJECT_FIELDS = ("metadata", FILE_FIELD)
_BRACKETED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


async def read_multipart(
    chunks: AsyncIterator[bytes], boundary: str, stack: ExitStack
) -> dict[str, object]:
    """Read multipart/form-data; a file becomes an Upload that `stack` closes.

    Raises:
        InvalidRequest: the body is not multipart, or a field is broken or sent twice.
        PayloadTooLarge: too many parts, or one is too long.
    """
    form = _Form(stack)
    try:
        # Not strict: that refuses a body whose last line break arrives in a chunk of its own.
        parser = PushMultipartParser(boundary, max_segment_count=PARTS_MAX)
        with parser:
            async for chunk in chunks:
                for event in parser.parse(chunk):
                    form.take(event)
    except ParserLimitReached as error:
        message = f"the form is over a limit: {error}"
        raise PayloadTooLarge(message) from error
    except MultipartError as error:
        message = f"the body is not valid multipart/form-data: {error}"
        raise InvalidRequest(message) from error
    return _typed(form.fields)


def read_urlencoded(raw: bytes) -> dict[str, object]:
    """Read application/x-www-form-urlencoded.

    Raises:
        InvalidRequest: it is not, or a field is sent twice.
    """
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            errors="strict",
            max_num_fields=PARTS_MAX,
        )
    except ValueError as error:
        message = "the body is not a valid URL-encoded form of UTF-8 text"
        raise InvalidRequest(message) from error
    fields: dict[str, object] = {}
    for name, value in pairs:
        put(fields, name, value)
    return _typed(fields)


def put(fields: dict[str, object], key: str, value: object) -> None:
    """Put a form value under its key; `a[b]` goes into an object `a`.

    Raises:
        InvalidRequest: the key was sent before.
    """
    match = _BRACKETED.fullmatch(key)
    if match is None:
        if key in fields:
            raise _twice(key)
        fields[key] = value
        return
    name, inner = match[1], _BRACKET.findall(match[2])
    nested = fields.setdefault(name, {})
    if not isinstance(nested, dict):
        raise _twice(name)
    if name not in OBJECT_FIELDS:
        nested[match[2]] = value  # No such field is an object: it is refused by name later.
        return
    if len(inner) > 1:
        message = f"{key[:80]!r} is nested too deeply"
        raise InvalidRequest(message, param=name)
    if inner[0] in nested:
        raise _twice(key)
    nested[inner[0]] = value


class _Form:
    """Collects the parser's events."""

    def __init__(self, stack: ExitStack) -> None:
        self.fields: dict[str, object] = {}
        self._stack = stack
        self._name = ""
        self._text: bytearray | None = None
        self._file: Upload | None = None

    def take(self, event: MultipartSegment | bytes | None) -> None:
        """Take one event: the head of a part, some of its bytes, or its end (None)."""
        if event is None:
            self._end()
        elif isinstance(event, bytes | bytearray):
            self._append(bytes(event))
        else:
            self._begin(event)

    def _begin(self, part: MultipartSegment) -> None:
        self._name = part.name or ""
        declared = part.content_type
        is_file = part.filename is not None or (declared or "").startswith(("image/", UNTYPED))
        if not is_file:
            self._text = bytearray()
            return
        if self._name != FILE_FIELD:
            message = f"{self._name[:64]!r} must be text, not a file"
            raise InvalidRequest(message, param=self._name[:64])
        self._file = Upload(declared)
        self._stack.callback(self._file.close)

    def _append(self, chunk: bytes) -> None:
        if self._file is not None:
            self._file.write(chunk)
            return
        assert self._text is not None
        self._text += chunk
        is_bounded = not self._name.startswith(FILE_FIELD)
        if is_bounded and len(self._text) > TEXT_BYTES_MAX:
            message = f"field {self._name[:64]!r} may have at most {TEXT_BYTES_MAX} bytes"
            raise PayloadTooLarge(message, param=self._name[:64])

    def _end(self) -> None:
        file, text, self._file, self._text = self._file, self._text, None, None
        if file is not None:
            put(self.fields, self._name, file.check())
        else:
            assert text is not None
            put(self.fields, self._name, _decode(self._name, text))


def _decode(name: str, raw: bytearray) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"field {name[:64]!r} is not UTF-8 (byte {error.start})"
        raise InvalidRequest(message, param=name[:64]) from error


def _typed(fields: dict[str, object]) -> dict[str, object]:
    """Give form text the types JSON would have had: a form knows only strings."""
    if isinstance(audio := fields.get("audio"), str) and audio in ("true", "false"):
        fields["audio"] = audio == "true"
    deadline = fields.get("deadline_s")
    if isinstance(deadline, str) and _WHOLE.fullmatch(deadline):
        fields["deadline_s"] = int(deadline)
    for name in OBJECT_FIELDS:
        value = fields.get(name)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            fields[name] = parse_object(value, name, param=name)
    return fields


def _twice(key: str) -> InvalidRequest:
    name = key[:64]
    return InvalidRequest(f"field {name!r} appears twice", param=name)
