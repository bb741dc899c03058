"""Whether an offer can start from a finished video, and how it would be given it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, assert_never

from proxy.domain.source import Verb, Way

if TYPE_CHECKING:
    from proxy.domain.policy import Offer
    from proxy.domain.source import Source, SourceSupport

_LISTED_MAX = 5
"""So many lengths are listed one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A source with what decides how it can be given.

    `has_account`: the account that made it is still ours. `has_links`: providers can fetch from
    us.
    """

    source: Source
    has_account: bool
    has_links: bool


def find_way(offer: Offer, support: SourceSupport, given: Given) -> Way | None:
    """The first way in which an offer can be given the video; None when there is none."""
    return next(
        (way for way in support.ways if _misfit_of(way, offer, support, given) is None), None
    )


def find_source_misfit(
    offer: Offer, support: SourceSupport, given: Given, *, seconds: int
) -> str | None:
    """Name the first thing about a source an offer cannot take; None when it can be used.

    `seconds` is what an extension adds.
    """
    can, source = offer.can, given.source
    checks = (
        _one_of("resolution", source.resolution, support.resolutions or can.resolutions),
        _one_of("aspect ratio", source.aspect_ratio, support.aspect_ratios or can.aspect_ratios),
        _length(source.seconds, support.seconds),
        _added(source.verb, seconds, support.adds),
        _maker(source.model, support.models),
    )
    found = next((misfit for misfit in checks if misfit is not None), None)
    if found is not None:
        return found
    closed = [_misfit_of(way, offer, support, given) for way in support.ways]
    return None if None in closed else "; ".join(misfit for misfit in closed if misfit)


def _misfit_of(way: Way, offer: Offer, support: SourceSupport, given: Given) -> str | None:
    source = given.source
    match way:
        case Way.ORIGIN:
            if offer.id != source.offer_id:
                return f"{source.verb} is possible where the video was made only"
            if not given.has_account:
                return f"the account {source.account}, which made the video, is not configured"
        case Way.BYTES:
            return _size(source.size_bytes, support.bytes_max.get(way), "sent")
        case Way.LINK:
            if not given.has_links:
                return "it fetches the video from here, which needs public_url"
            return _size(source.size_bytes, support.bytes_max.get(way), "fetched")
        case _:
            assert_never(way)
    return None


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> str | None:
    if value in allowed:
        return None
    return f"the video's {what} {value} is not one of {', '.join(allowed)}"


def _length(seconds: int, allowed: tuple[int, ...]) -> str | None:
    if not allowed or seconds in allowed:
        return None
    return f"the video's length of {seconds} s is not one of {_lengths(allowed)}"


def _added(verb: Verb, seconds: int, allowed: tuple[int, ...]) -> str | None:
    if verb is not Verb.EXTEND or seconds in allowed:
        return None
    return f"seconds {seconds} is not one of {_lengths(allowed)}"


def _lengths(allowed: tuple[int, ...]) -> str:
    """Lengths in words; a row without gaps by its ends."""
    first, last = allowed[0], allowed[-1]
    if len(allowed) > _LISTED_MAX and last - first == len(allowed) - 1:
        return f"{first} to {last}"
    return ", ".join(str(length) for length in allowed)


def _maker(model: str, allowed: tuple[str, ...]) -> str | None:
    if not allowed or any(fnmatchcase(model, pattern) for pattern in allowed):
        return None
    return f"the video was made by {model}, not by one of {', '.join(allowed)}"


def _size(size_bytes: int, bytes_max: int | None, done: str) -> str | None:
    if bytes_max is None or size_bytes <= bytes_max:
        return None
    return f"the video has {size_bytes} bytes, at most {bytes_max} can be {done}"
