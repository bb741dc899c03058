"""The kinds of values the files hold, as types the schemas are written in.

Every check raises ValueError with a message that says what is wrong and what is allowed.
"""

import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictInt

from proxy.config.money import parse_micro_usd
from proxy.config.quantity import (
    parse_above_percent,
    parse_duration_ms,
    parse_percent,
    parse_rate_per_s,
    parse_size_bytes,
)
from proxy.domain.video import RESOLUTIONS

Item = TypeVar("Item")

_TIMEZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+\-/]{0,63}", re.ASCII)
_TEXT_MAX: Final = 2_000


class Section(BaseModel):
    """One mapping of a file: unknown keys are refused, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class FaultAtError(ValueError):
    """A check over several values failed; `at` is the path from the section to the faulty one."""

    def __init__(self, message: str, *at: str | int) -> None:
        super().__init__(message)
        self.at = at


class Thinned(dict[Any, Any]):
    """A list, as index → item, out of which faulty items may have been taken."""


def positive(parse: Callable[[object], int]) -> Callable[[object], int]:
    """Refuse zero in addition to what a parser refuses."""

    def check(value: object) -> int:
        amount = parse(value)
        if not amount:
            message = f"{value!r} must be above zero"
            raise ValueError(message)
        return amount

    return check


def matching(pattern: str, allowed: str) -> Callable[[object], str]:
    """Make a check for texts of one form, described by `allowed`."""
    compiled = re.compile(pattern, re.ASCII)

    def check(value: object) -> str:
        text = plain_text(value)
        if compiled.fullmatch(text) is None:
            message = f"{text[:60]!r} is not allowed here; allowed: {allowed}"
            raise ValueError(message)
        return text

    return check


def plain_text(value: object) -> str:
    """Return a text; numbers and dates must be quoted to be one."""
    if isinstance(value, str):
        if value and len(value) <= _TEXT_MAX:
            return value
        message = f"must be text of 1 to {_TEXT_MAX} characters"
        raise ValueError(message)
    if isinstance(value, bool | int | float | date):
        message = f'must be text; put it in quotes: "{value}"'
        raise ValueError(message)  # noqa: TRY004  pydantic takes only ValueError for a finding
    message = "must be text"
    raise ValueError(message)


def calendar_date(value: object) -> date:
    """Return a date, quoted or not."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError as error:
        message = f"{str(value)[:40]!r} is not a date; write year-month-day, such as 2026-11-22"
        raise ValueError(message) from error


def timezone(value: object) -> str:
    """Return the name of a known time zone."""
    text = plain_text(value)
    try:
        ZoneInfo(text if _TIMEZONE.fullmatch(text) else "")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = (
            f"{text[:60]!r} is not a time zone; write an IANA name such as UTC or Europe/Berlin"
        )
        raise ValueError(message) from error
    return text


def one_of(*allowed: str) -> Callable[[object], str]:
    """Make a check for one of a few words."""

    def check(value: object) -> str:
        if value not in allowed:
            message = f"{str(value)[:60]!r} is not allowed here; allowed: {', '.join(allowed)}"
            raise ValueError(message)
        return str(value)

    return check


def numbered(value: object) -> object:
    """Turn a list into a mapping from index to item.

    Items keep the index they were written at even after a faulty one was taken out, so that
    later findings still point at the right line.
    """
    if isinstance(value, list):
        return dict(enumerate(value))
    if isinstance(value, Thinned):
        return value
    message = "must be a list"
    raise ValueError(message)


def at_least_one(value: object) -> object:
    """Refuse an empty list."""
    if value == []:
        message = "must not be empty; allowed: a list of at least one entry"
        raise ValueError(message)
    return value


MicroUsd = Annotated[int, BeforeValidator(parse_micro_usd)]
DurationMs = Annotated[int, BeforeValidator(positive(parse_duration_ms))]
DurationOrZeroMs = Annotated[int, BeforeValidator(parse_duration_ms)]
SizeBytes = Annotated[int, BeforeValidator(positive(parse_size_bytes))]
RatePerS = Annotated[Fraction, BeforeValidator(parse_rate_per_s)]
Percent = Annotated[int, BeforeValidator(parse_percent)]
AbovePercent = Annotated[int, BeforeValidator(parse_above_percent)]
Date = Annotated[date, BeforeValidator(calendar_date)]
Timezone = Annotated[str, BeforeValidator(timezone)]
Text = Annotated[str, BeforeValidator(plain_text)]
Flag = StrictBool
Count = StrictInt

Items = Annotated[dict[int, Item], BeforeValidator(numbered)]
SomeItems = Annotated[dict[int, Item], BeforeValidator(numbered), BeforeValidator(at_least_one)]

Name = Annotated[
    str,
    BeforeValidator(
        matching(
            r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
            "1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit",
        )
    ),
]
Glob = Annotated[
    str,
    BeforeValidator(
        matching(
            r"[A-Za-z0-9*][A-Za-z0-9._*-]{0,63}",
            "a name in which '*' stands for any characters, such as veo-3.1*",
        )
    ),
]
KeyIdText = Annotated[
    str,
    BeforeValidator(
        matching(r"[a-z2-7]{8}", "8 characters of a-z and 2-7, as `greenlight keys` makes them")
    ),
]
Sha256 = Annotated[
    str,
    BeforeValidator(
        matching(r"[0-9a-f]{64}", "the 64 lower-case hexadecimal digits of a key's SHA-256")
    ),
]
AspectRatio = Annotated[
    str,
    BeforeValidator(matching(r"[1-9][0-9]{0,2}:[1-9][0-9]{0,2}", 'two numbers such as "16:9"')),
]
Resolution = Annotated[str, BeforeValidator(one_of(*RESOLUTIONS))]
HttpUrl = Annotated[
    str,
    BeforeValidator(
        matching(
            r"https?://[A-Za-z0-9.\-\[\]:]+(?:/[^\s?#@]*)?",
            "an http or https URL without user, query or fragment",
        )
    ),
]
Origin = Annotated[
    str,
    BeforeValidator(
        matching(
            r"https?://(?:[A-Za-z0-9.\-]+|\[[0-9a-fA-F:.]+\])(?::[1-9][0-9]{0,4})?",
            "scheme, host and port without a path, such as https://assets.example.com:8443",
        )
    ),
]
HostSuffix = Annotated[
    str,
    BeforeValidator(
        matching(
            r"(?:[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?\.)+[a-z][a-z0-9\-]*[a-z0-9]",
            "a domain of at least two parts in lower case, such as cdn.example.com",
        )
    ),
]
HostPort = Annotated[
    str,
    BeforeValidator(
        matching(
            r"(?:[A-Za-z0-9.\-]+|\[[0-9a-fA-F:.]+\]):(?:0|[1-9][0-9]{0,4})",
            "host:port, such as 127.0.0.1:8080 or [::1]:8080",
        )
    ),
]
