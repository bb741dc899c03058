"""Turns one plain YAML scalar into a value, refusing every spelling YAML versions disagree on.

YAML 1.1 reads `on` as true, `010` as 8, `12:30` as 750 and `1_000` as 1000; YAML 1.2 reads none
of them so. A reader of the file can't know which rule applies, therefore each is refused.
"""

import re
from datetime import date
from typing import Final

from proxy.config.document import Scalar

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_DIGITS_MAX: Final = 18

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

_TRAPS: Final = (
    (
        re.compile(r"(?i:yes|no|on|off|y|n)"),
        "means true or false to some YAML readers and text to others; "
        "write true or false, or put it in quotes",
    ),
    (
        re.compile(r"[-+]?0[0-9_]+|[-+]?0[oO][0-7_]+|[-+]?0[xX][0-9a-fA-F_]+|[-+]?0[bB][01_]+"),
        "looks like an octal, hexadecimal or binary number; "
        "write a decimal number without leading zeros, or put it in quotes if it is text",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"),
        "is a number with underscores; leave them out, or put it in quotes if it is text",
    ),
    (
        re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"),
        "is a base-60 number to some YAML readers; put it in quotes",
    ),
    (
        re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+"),
        "is a number with an exponent to some YAML readers; "
        "write it out, or put it in quotes if it is text",
    ),
    (
        re.compile(r"[-+]?\.(?i:inf|nan)"),
        "is not a usable number; write a finite one",
    ),
    (
        re.compile(r"\+[0-9].*|[-+]?\.[0-9]+|[-+]?[0-9]+\."),
        "is an unusual number; write it like 5 or 0.5, or put it in quotes if it is text",
    ),
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9].*"),
        "is a point in time; only dates such as 2026-11-22 (00:00 UTC that day) are allowed",
    ),
    (
        re.compile(r"=|<<"),
        "is a special word of YAML 1.1; put it in quotes",
    ),
)


def resolve(text: str) -> Scalar:
    """Return what an unquoted scalar means.

    Raises:
        ValueError: The spelling is ambiguous; the message says how to write it instead.
    """
    if text in _NULLS:
        message = "is empty; write a value ([] for an empty list) or leave the key out"
        raise ValueError(message)
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _DATE.fullmatch(text):
        return _date(text)
    for pattern, advice in _TRAPS:
        if pattern.fullmatch(text):
            message = f"{text[:40]!r} {advice}"
            raise ValueError(message)
    return text


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        message = f"a number of {len(text)} digits is too long; at most {_DIGITS_MAX} are allowed"
        raise ValueError(message)
    return int(text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{text} is not a date of the calendar; write year-month-day"
        raise ValueError(message) from error
