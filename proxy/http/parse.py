"""The body of a create: JSON, multipart or URL-encoded, into a checked draft."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from multipart import parse_options_header

from proxy.domain.errors import InvalidRequest
from proxy.http.body import CREATE_BYTES_MAX, FORM_BYTES_MAX, body_chunks, read_body
from proxy.http.derived import read_derived, read_quoted
from proxy.http.fields import read_fields
from proxy.http.forms import read_multipart, read_urlencoded
from proxy.http.jsonbody import load_object
from proxy.http.keys import SPOOL_DIR
from proxy.http.upload import Upload, decode_data_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from proxy.domain.source import Verb
    from proxy.domain.video import VideoJob
    from proxy.gateway.views import Start
    from proxy.http.fields import Draft
    from proxy.http.pictures import Picture

CONTENT_TYPES = ("application/json", "multipart/form-data", "application/x-www-form-urlencoded")


@asynccontextmanager
async def read_create(request: web.Request) -> AsyncIterator[Draft]:
    """Read a create; its uploads live until the block ends, what else names a picture is a link.

    Raises:
        InvalidRequest: the body or a field is malformed.
        NotSupportedYet: a field is not built yet.
        PayloadTooLarge: the body or a part is over its limit.
    """
    with ExitStack() as stack:
        yield await _decoded_all(read_fields(await _raw_fields(request, stack)), request, stack)


async def read_derivation(
    request: web.Request, verb: Verb, video_id: str | None = None
) -> tuple[VideoJob, Start]:
    """Read a remix, an edit or an extension; see `proxy.http.derived.read_derived`."""
    with ExitStack() as stack:
        return read_derived(await _raw_fields(request, stack), verb, video_id)


async def read_quote(request: web.Request) -> tuple[VideoJob, Start | None]:
    """Read what is to be quoted, of which nothing is kept. Raises as `read_create` does."""
    with ExitStack() as stack:
        draft, start = read_quoted(await _raw_fields(request, stack))
        return (await _decoded_all(draft, request, stack)).outline(), start


async def _decoded_all(draft: Draft, request: web.Request, stack: ExitStack) -> Draft:
    spool_dir = request.app.get(SPOOL_DIR)
    pictures = [await _decoded(picture, stack, spool_dir) for picture in draft.pictures]
    return replace(draft, pictures=tuple(pictures))


async def _decoded(picture: Picture, stack: ExitStack, spool_dir: Path | None) -> Picture:
    if isinstance(picture.source, Upload) or picture.is_link:
        return picture
    upload = await decode_data_url(picture.source, param=picture.param, spool_dir=spool_dir)
    stack.callback(upload.close)
    return replace(picture, source=upload)


async def _raw_fields(request: web.Request, stack: ExitStack) -> dict[str, object]:
    header = request.headers.get("Content-Type", "")
    content_type, options = parse_options_header(header)
    if content_type == "application/json":
        _check_charset(options.get("charset"))
        return load_object(await read_body(request, bytes_max=CREATE_BYTES_MAX))
    if content_type == "multipart/form-data":
        chunks = body_chunks(request, bytes_max=CREATE_BYTES_MAX)
        return await read_multipart(
            chunks, _boundary(options), stack, spool_dir=request.app.get(SPOOL_DIR)
        )
    if content_type == "application/x-www-form-urlencoded":
        _check_charset(options.get("charset"))
        return read_urlencoded(await read_body(request, bytes_max=FORM_BYTES_MAX))
    message = f"Content-Type must be one of {', '.join(CONTENT_TYPES)}"
    raise InvalidRequest(message, param="Content-Type")


def _boundary(options: dict[str, str]) -> str:
    boundary = options.get("boundary", "")
    if not boundary or not boundary.isascii():
        message = "multipart/form-data needs a boundary in Content-Type"
        raise InvalidRequest(message, param="Content-Type")
    return boundary


def _check_charset(charset: str | None) -> None:
    if charset is not None and charset.lower() not in ("utf-8", "utf8"):
        message = "the body must be UTF-8"
        raise InvalidRequest(message, param="Content-Type")
