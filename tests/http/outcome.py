"""What a parser makes of any input: its result, or the one kind of error it may raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from proxy.domain.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def outcome(parse: Callable[[], Result]) -> Result | RequestError:
    """The result, or the error a client would see; anything else is a bug and goes on."""
    try:
        return parse()
    except RequestError as error:
        return error
