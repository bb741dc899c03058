"""Which URLs may be fetched at all, before any name is looked up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yarl import URL

from proxy.outgoing.address import is_public

if TYPE_CHECKING:
    from collections.abc import Sequence

URL_CHARS_MAX = 8_192
# Printable ASCII without the characters that URL parsers disagree about.
_URL_TEXT = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RefusedUrl(ValueError):
    """A URL that is not fetched; the text says why and does not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where a URL may lead.

    `origins` are of our own configuration ("https://host:port"): they may be private, and nothing
    else about them is asked. Any other place must be a public host on its scheme's own port: one
    that equals or ends in one of `host_suffixes`, or any host at all if that is None. Plain http
    is for `origins`, and for public hosts only with `is_http_allowed`.
    """

    origins: tuple[str, ...] = ()
    host_suffixes: Sequence[str] | None = None
    is_http_allowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that passed, exactly as written; a configured one is one of the `origins`."""

    url: URL
    is_configured: bool


def destination_of(url: str, *, is_private: bool) -> Destination:
    """Where a URL that an operator wrote may lead: a public https host, or its own origin.

    The latter, wherever that is, only if the operator said that it is private.

    Raises:
        RefusedUrl: it has no origin.
    """
    if not is_private:
        return Destination()
    try:
        return Destination(origins=(str(URL(url, encoded=True).origin()),))
    except ValueError as error:
        message = "it is not a plain absolute URL"
        raise RefusedUrl(message) from error


def check_url(text: object, destination: Destination) -> Target:
    """Check a URL by its text alone: no name is looked up.

    Raises:
        RefusedUrl: it is not a plain absolute URL, has user info, or leads elsewhere.
    """
    if not isinstance(text, str) or len(text) > URL_CHARS_MAX or not _URL_TEXT.fullmatch(text):
        message = "it is not a plain absolute URL"
        raise RefusedUrl(message)
    try:
        url = URL(text, encoded=True)
        host, port = url.host, url.port
    except ValueError as error:
        message = "it cannot be parsed"
        raise RefusedUrl(message) from error
    if not host or port is None or "@" in url.raw_authority:
        message = "it has no host, or user info"
        raise RefusedUrl(message)
    if any(_is_same_origin(url, origin) for origin in destination.origins):
        return Target(url=url, is_configured=True)
    _check_public(url, host, destination)
    return Target(url=url, is_configured=False)


def _check_public(url: URL, host: str, destination: Destination) -> None:
    if url.scheme not in _DEFAULT_PORTS or (
        url.scheme == "http" and not destination.is_http_allowed
    ):
        message = "its scheme is not allowed"
        raise RefusedUrl(message)
    if url.port != _DEFAULT_PORTS[url.scheme]:
        message = "its port is not allowed"
        raise RefusedUrl(message)
    if not _is_public_host(host):
        message = "its host is not a public one"
        raise RefusedUrl(message)
    suffixes = destination.host_suffixes
    if suffixes is not None and not _is_within(host, suffixes):
        message = "its host is not one of the provider's"
        raise RefusedUrl(message)


def _is_same_origin(url: URL, origin: str) -> bool:
    own = URL(origin)
    return (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port)


def _is_public_host(host: str) -> bool:
    """Say whether a host is a public address, or a name that looks like nothing else.

    A name must have two parts, and its last may not be a number: resolvers read 2130706433,
    0x7f.1 and 0177.0.0.1 as addresses. What a name resolves to is judged when it is.
    """
    if is_public(host):
        return True
    labels = host.rstrip(".").split(".")
    last = labels[-1].lower()
    is_number = last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last) is not None
    return _NAME.fullmatch(host) is not None and len(labels) > 1 and not is_number


def _is_within(host: str, suffixes: Sequence[str]) -> bool:
    name = host.lower().rstrip(".")
    return any(name == suffix or name.endswith("." + suffix) for suffix in suffixes)
