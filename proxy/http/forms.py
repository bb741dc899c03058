"""Multipart and URL-encoded forms as fields, with bracketed keys such as `metadata[shot]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from multipart import MultipartError, ParserLimitReached, PushMultipartParser

from proxy.domain.errors import InvalidRequest, NotSupportedYet, PayloadTooLarge
from proxy.http.derived import FILE_NOT_YET, VIDEO
from proxy.http.jsonbody import parse_list, parse_object
from proxy.http.pictures import FIRST_FRAME, IMAGE_URL, LAST_FRAME, PICTURE_FIELDS, REFERENCES
from proxy.http.upload import UNTYPED, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import ExitStack
    from pathlib import Path

    from multipart import MultipartSegment

PARTS_MAX = 64
TEXT_BYTES_MAX = 256 * 2**10
"""Bytes of a text part; a picture, maybe a data URL, has only the body's limit."""
OBJECT_FIELDS = ("metadata", FIRST_FRAME, LAST_FRAME, VIDEO)
WHOLE_FIELDS = ("deadline_s", "seed")
_FILE_TYPES = ("image/", "video/", UNTYPED)
_BRACKETED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
# An item of a list: with or without its number, in the middle of an object or not.
_ITEM = re.compile(rf"{REFERENCES}(?:\[([0-9]{{0,3}})\])?(?:\[{IMAGE_URL}\])?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")


async def read_multipart(
    chunks: AsyncIterator[bytes],
    boundary: str,
    stack: ExitStack,
    *,
    spool_dir: Path | None = None,
) -> dict[str, object]:
    """Read multipart/form-data; a file becomes an Upload that `stack` closes.

    Raises:
        InvalidRequest: the body is not multipart, or a field is broken or sent twice.
        PayloadTooLarge: too many parts, or one is too long.
        NotSupportedYet: a video came as a file.
    """
    form = _Form(stack, spool_dir)
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
    """Put a form value under its key; `a[b]` goes into an object `a`, list items into a list.

    Raises:
        InvalidRequest: the key was sent before, or is none of an object or list.
    """
    if key.partition("[")[0] == REFERENCES:
        _put_item(fields, key, value)
        return
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


def _put_item(fields: dict[str, object], key: str, value: object) -> None:
    """Append an item; a numbered one must come in its turn."""
    match = _ITEM.fullmatch(key)
    if match is None:
        message = f"{key[:80]!r} is no item of {REFERENCES}"
        raise InvalidRequest(message, param=REFERENCES)
    items = fields.setdefault(REFERENCES, [])
    assert isinstance(items, list)
    if match[1] and int(match[1]) != len(items):
        message = f"{key[:80]!r} is out of turn: {REFERENCES}[{len(items)}] is the next"
        raise InvalidRequest(message, param=REFERENCES)
    items.append(value)


class _Form:
    """Collects the parser's events."""

    def __init__(self, stack: ExitStack, spool_dir: Path | None) -> None:
        self.fields: dict[str, object] = {}
        self._stack = stack
        self._spool_dir = spool_dir
        self._name = ""
        self._text: bytearray | None = None
        self._file: Upload | None = None

    @property
    def _field(self) -> str:
        return self._name.partition("[")[0]

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
        is_file = part.filename is not None or (declared or "").startswith(_FILE_TYPES)
        if not is_file:
            self._text = bytearray()
            return
        if self._field == VIDEO:
            raise NotSupportedYet(FILE_NOT_YET, param=VIDEO)
        if self._field not in PICTURE_FIELDS:
            message = f"{self._name[:64]!r} must be text, not a file"
            raise InvalidRequest(message, param=self._name[:64])
        param = self._name[:64]
        self._file = Upload(declared, param=param, spool_dir=self._spool_dir)
        self._stack.callback(self._file.close)

    def _append(self, chunk: bytes) -> None:
        if self._file is not None:
            self._file.write(chunk)
            return
        assert self._text is not None
        self._text += chunk
        is_bounded = self._field not in PICTURE_FIELDS
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
    for name in WHOLE_FIELDS:
        whole = fields.get(name)
        if isinstance(whole, str) and _WHOLE.fullmatch(whole):
            fields[name] = int(whole)
    for name in OBJECT_FIELDS:
        if name in fields:
            fields[name] = _object_if_json(fields[name], name)
    items = fields.get(REFERENCES)
    if isinstance(items, list):
        fields[REFERENCES] = _list_if_json(items)
    return fields


def _object_if_json(value: object, name: str) -> object:
    is_json = isinstance(value, str) and value.lstrip().startswith("{")
    return parse_object(str(value), name, param=name) if is_json else value


def _list_if_json(items: list[object]) -> list[object]:
    """Read a whole list sent as one JSON text, or each item that is an object in JSON."""
    alone = items[0] if len(items) == 1 else None
    if isinstance(alone, str) and alone.lstrip().startswith("["):
        return parse_list(alone, REFERENCES, param=REFERENCES)
    return [_object_if_json(item, REFERENCES) for item in items]


def _twice(key: str) -> InvalidRequest:
    name = key[:64]
    return InvalidRequest(f"field {name!r} appears twice", param=name)
