"""Queries and bodies of the admin API, read strictly: nothing unknown, nothing of another type."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from proxy.domain.errors import InvalidRequest
from proxy.domain.instant import parse_instant
from proxy.domain.money import parse_usd
from proxy.http.body import read_body
from proxy.http.jsonbody import load_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from proxy.http.admin.endpoints import AdminEndpoint

CHANGE_BYTES_MAX = 64 * 2**10
SHOWN, SHOWN_MAX = 100, 1000
_UTC = ZoneInfo("UTC")
_FOR_S_MAX = 3660 * 86_400

Fields = dict[str, object]


def query_of(request: web.Request, endpoint: AdminEndpoint) -> Mapping[str, str]:
    """A query that holds only what the endpoint knows. Raises InvalidRequest."""
    _check_names(request.query, endpoint.query)
    return request.query


async def body_of(request: web.Request, endpoint: AdminEndpoint) -> Fields:
    """A JSON object that holds only what the endpoint knows.

    Raises:
        InvalidRequest: it holds something else, or is none.
        PayloadTooLarge: it is longer than CHANGE_BYTES_MAX.
    """
    body = load_object(await read_body(request, bytes_max=CHANGE_BYTES_MAX))
    _check_names(body, endpoint.body)
    return body


def text(fields: Fields, name: str) -> str:
    """A string that must be there. Raises InvalidRequest."""
    value = optional_text(fields, name)
    if not value:
        message = f"{name} is needed"
        raise InvalidRequest(message, param=name)
    return value


def optional_text(fields: Fields, name: str) -> str | None:
    """A string, or None where there is none, or null. Raises InvalidRequest."""
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value or None
    message = f"{name} must be a string"
    raise InvalidRequest(message, param=name)


def optional_micro_usd(fields: Fields, name: str) -> int | None:
    """Dollars as a decimal string. Raises InvalidRequest."""
    value = optional_text(fields, name)
    if value is None:
        return None
    try:
        return parse_usd(value)
    except ValueError as error:
        message = f"{name} {error}"
        raise InvalidRequest(message, param=name) from error


def optional_seconds(fields: Fields, name: str) -> int | None:
    """A whole number of seconds above 0. Raises InvalidRequest."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _FOR_S_MAX:
        return value
    message = f"{name} must be a whole number from 1 to {_FOR_S_MAX}"
    raise InvalidRequest(message, param=name)


def optional_instant(fields: Mapping[str, object], name: str) -> int | None:
    """A date in UTC or an instant with its offset; Unix ms. Raises InvalidRequest."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        return parse_instant(str(value), _UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(str(error), param=name) from error


def limit_of(query: Mapping[str, str]) -> int:
    """How many are shown. Raises InvalidRequest."""
    given = query.get("limit")
    if given is None:
        return SHOWN
    is_number = given.isascii() and given.isdigit() and len(given) <= len(str(SHOWN_MAX))
    if not (is_number and 1 <= int(given) <= SHOWN_MAX):
        message = f"limit must be a whole number from 1 to {SHOWN_MAX}"
        raise InvalidRequest(message, param="limit")
    return int(given)


def _check_names(given: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            allowed = ", ".join(known) or "nothing"
            message = f"{name[:64]!r} is not known here; allowed: {allowed}"
            raise InvalidRequest(message, param=name[:64])
