"""Scenario directives: `[[kling: submit=503 times=2]]` inside a prompt, or as a default.

Pure: text in, values out. An unknown key or value is an error that names it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

from proxy.simulator.mp4 import PADDED_BYTES_MAX

# 200, and of no use to anybody.
UNREADABLE_FAULTS = frozenset({"garbage", "truncated", "wrong_types", "oversized"})
# The task exists and renders, whatever the caller was told.
ACCEPTED_FAULTS = UNREADABLE_FAULTS | frozenset(
    {"accept_then_hang", "accept_then_reset", "accept_then_504"}
)
_STATUS_FAULTS = frozenset({"401", "404", "429", "500", "502", "503", "504"})
SUBMIT_FAULTS = (
    ACCEPTED_FAULTS
    | _STATUS_FAULTS
    | frozenset({"400", "410", "account", "concurrency", "content_policy", "hang", "reset"})
)
READ_FAULTS = _STATUS_FAULTS | UNREADABLE_FAULTS | frozenset({"hang", "reset"})
OUTCOMES = frozenset(
    {"ok", "internal", "content_policy", "filtered", "cancelled", "hang", "vanish", "garbage"}
)
CALLBACK_FAULTS = frozenset(
    {"none", "twice", "reordered", "forged", "stale", "unsigned", "garbage"}
)
DOWNLOAD_FAULTS = frozenset({"404", "expired", "truncate", "slow", "reset", "garbage"})

_GROUP = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
_PREFIX = re.compile(r"\s*([A-Za-z_]+)\s*:")
_SIZE = re.compile(r"(\d{1,12})(B|kB|MB|GB|KiB|MiB|GiB)?")
_UNITS = {
    None: 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
}  # fmt: skip
_DECIMAL = re.compile(r"\d{1,6}(\.\d{1,6})?")
_SIZE_BYTES_MIN = 100_000  # every template is smaller
_DURATION_S_MAX = 86_400
_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")
_URL = re.compile(r"[a-z]{1,10}:[!-~]{1,500}")
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class BadDirectiveError(ValueError):
    """A directive that cannot be understood; the text says which and what is allowed."""


@dataclass(frozen=True)
class Plan:
    """What shall happen to one task. The defaults are a well-behaved vendor."""

    submit: str = "ok"
    retry_after_s: int | None = None
    outcome: str = "ok"
    code: str | None = None  # the vendor's own code of the failure; None: the usual one
    render_s: float | None = None  # None: the simulator's default
    bill: Fraction = Fraction(1)
    status: str = "ok"
    status_times: int | None = None  # how many status calls the fault hits; None: all
    find: str = "ok"
    find_times: int | None = None
    download: str = "ok"
    download_times: int | None = None
    callback: str = "ok"  # what is wrong with the vendor's callbacks about the task
    link_s: float | None = None  # how long a clip can be fetched; None: the vendor's time
    clip_bytes: int | None = None  # None: the clip's natural size
    url: str | None = None  # where the clip is said to be, instead of its own link
    redirect: str | None = None  # where the clip's own link leads instead of the file
    label: str = ""  # a name for call log and invoice; changes nothing else

    @property
    def submit_accepts(self) -> bool:
        """Whether a submit creates a task."""
        return self.submit == "ok" or self.submit in ACCEPTED_FAULTS


@dataclass(frozen=True)
class Group:
    """One `[[...]]`: values for one vendor or all, for the first `times` submits or all."""

    vendor: str | None
    times: int | None
    values: Mapping[str, Any]  # by Plan's field names


def parse_prompt(text: str, vendors: Collection[str]) -> tuple[Group, ...]:
    """Return every directive group in a prompt, in order of appearance.

    Raises:
        BadDirectiveError: An unknown key, value or vendor, a repeated key, or `[[` left open.
    """
    rest = _GROUP.sub("", text)
    if "[[" in rest:
        message = "directive '[[' is never closed with ']]'"
        raise BadDirectiveError(message)
    return tuple(parse_group(body, vendors) for body in _GROUP.findall(text))


def parse_group(body: str, vendors: Collection[str]) -> Group:
    """Return the group written as `body`, which is the text between the brackets.

    Raises:
        BadDirectiveError: As for `parse_prompt`.
    """
    vendor = None
    prefix = _PREFIX.match(body)
    if prefix:
        vendor = _one_of(frozenset(vendors), "vendor")(prefix.group(1))
        body = body[prefix.end() :]
    values: dict[str, Any] = {}
    for token in body.split():
        key, equals, text = token.partition("=")
        if not equals or key not in _KEYS:
            message = f"unknown directive {token!r}: allowed are {', '.join(sorted(_KEYS))}"
            raise BadDirectiveError(message)
        name, parse = _KEYS[key]
        if name in values:
            message = f"directive {key!r} is given twice in one group"
            raise BadDirectiveError(message)
        values[name] = parse(text)
    if not values:
        message = f"directive '[[{body}]]' says nothing"
        raise BadDirectiveError(message)
    return Group(vendor, values.pop("times", None), values)


def merge(groups: Iterable[Group]) -> Plan:
    """Return the plan that the groups make; a later group overrides an earlier one."""
    plan = Plan()
    for group in groups:
        plan = replace(plan, **group.values)
    return plan


def _one_of(allowed: frozenset[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            message = f"unknown {what} {text!r}: allowed are {', '.join(sorted(allowed))}"
            raise BadDirectiveError(message)
        return text

    return parse


def _whole(what: str, lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            message = f"{what}={text!r}: a whole number from {lowest} to {highest} is needed"
            raise BadDirectiveError(message)
        return int(text)

    return parse


def _decimal(text: str, what: str) -> Fraction:
    if not _DECIMAL.fullmatch(text) or not text.isascii():
        message = f"{what}={text!r}: a decimal number like 1.5 is needed"
        raise BadDirectiveError(message)
    return Fraction(text)


def _duration(what: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        seconds = _decimal(text, what)
        if seconds > _DURATION_S_MAX:
            message = f"{what}={text!r}: at most {_DURATION_S_MAX} seconds"
            raise BadDirectiveError(message)
        return float(seconds)

    return parse


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        message = f"code={text!r}: a failure code like INTERNAL.BAD_OUTPUT.CODE01 is needed"
        raise BadDirectiveError(message)
    return text


def _url(what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not _URL.fullmatch(text):
            message = f"{what}={text!r}: a URL of at most 500 plain characters is needed"
            raise BadDirectiveError(message)
        return text

    return parse


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        message = f"label={text!r}: 1 to 64 letters, digits, dots, dashes or underscores"
        raise BadDirectiveError(message)
    return text


def _bill(text: str) -> Fraction:
    return _decimal(text.removesuffix("x"), "bill")


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text) if text.isascii() else None
    size_bytes = int(found.group(1)) * _UNITS[found.group(2)] if found else 0
    if not _SIZE_BYTES_MIN <= size_bytes <= PADDED_BYTES_MAX:
        message = f"bytes={text!r}: a size from 100kB to 2GiB, for example 50MB"
        raise BadDirectiveError(message)
    return size_bytes


_OK = frozenset({"ok"})
# Directive key -> (field of Plan, or `times`, and its parser).
_KEYS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "submit": ("submit", _one_of(SUBMIT_FAULTS | _OK, "submit")),
    "retry_after": ("retry_after_s", _whole("retry_after", 0, 86_400)),
    "outcome": ("outcome", _one_of(OUTCOMES, "outcome")),
    "code": ("code", _code),
    "render": ("render_s", _duration("render")),
    "bill": ("bill", _bill),
    "status": ("status", _one_of(READ_FAULTS | _OK, "status")),
    "status_times": ("status_times", _whole("status_times", 1, 10**6)),
    "find": ("find", _one_of(READ_FAULTS | _OK, "find")),
    "find_times": ("find_times", _whole("find_times", 1, 10**6)),
    "download": ("download", _one_of(DOWNLOAD_FAULTS | _OK, "download")),
    "download_times": ("download_times", _whole("download_times", 1, 10**6)),
    "callback": ("callback", _one_of(CALLBACK_FAULTS | _OK, "callback")),
    "link": ("link_s", _duration("link")),
    "bytes": ("clip_bytes", _size),
    "url": ("url", _url("url")),
    "redirect": ("redirect", _url("redirect")),
    "label": ("label", _label),
    "times": ("times", _whole("times", 1, 10**6)),
}
assert {name for name, _ in _KEYS.values()} - {"times"} == {field.name for field in fields(Plan)}
DIRECTIVE_KEYS = tuple(_KEYS)
