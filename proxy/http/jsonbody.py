"""JSON as callers send it, read strictly: no duplicate names, no floats, no NaN."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NoReturn

from proxy.domain.errors import InvalidRequest


def load_object(raw: bytes) -> dict[str, object]:
    """Read a JSON object; numbers with a point become Decimals.

    Raises:
        InvalidRequest: it is something else, and what.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the body is not UTF-8 (byte {error.start})"
        raise InvalidRequest(message) from error
    return parse_object(text, "the body")


def parse_object(text: str, what: str, *, param: str | None = None) -> dict[str, object]:
    """Read a JSON object from text; `what` begins the message of an error."""
    content = _parse(text, what, param)
    if not isinstance(content, dict):
        message = f"{what} must be a JSON object"
        raise InvalidRequest(message, param=param)
    return content


def parse_list(text: str, what: str, *, param: str | None = None) -> list[object]:
    """Read a JSON array from text; `what` begins the message of an error."""
    content = _parse(text, what, param)
    if not isinstance(content, list):
        message = f"{what} must be a JSON array"
        raise InvalidRequest(message, param=param)
    return content


def _parse(text: str, what: str, param: str | None) -> object:
    try:
        return json.loads(
            text, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        message = (
            f"{what} is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        )
        raise InvalidRequest(message, param=param) from error
    except RecursionError as error:
        message = f"{what} is nested too deeply"
        raise InvalidRequest(message, param=param) from error
    except _Refused as error:
        raise InvalidRequest(str(error), param=error.param or param) from error
    except ValueError as error:
        message = f"{what} has a number with too many digits"
        raise InvalidRequest(message, param=param) from error


class _Refused(Exception):
    """A duplicate name or a number that JSON does not know."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)[:64]
        message = f"field {twice!r} appears twice"
        raise _Refused(message, twice)
    return found


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise _Refused(message)
