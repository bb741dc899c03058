"""Which URLs out of a provider's answer may be fetched.

The first of the checks an outgoing URL passes; checks of the resolved address belong here too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Sequence

_URL_CHARS_MAX = 8_192
# Printable ASCII without the characters that URL parsers disagree about.
_URL_TEXT = re.compile(r"[!#-;=?-\[\]_a-z~]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class RefusedUrl(ValueError):
    """A URL that is not fetched; the text says why and does not repeat it."""


def check_output_url(text: object, *, base_url: str, host_suffixes: Sequence[str]) -> URL:
    """Return the URL, exactly as written, if it may be fetched.

    Allowed are the origin of `base_url`, and hosts that equal or end in one of `host_suffixes`
    on the scheme's own port. Plain http needs a `base_url` of plain http. No user info.

    Raises:
        RefusedUrl: anything else.
    """
    if not isinstance(text, str) or len(text) > _URL_CHARS_MAX or not _URL_TEXT.fullmatch(text):
        message = "it is not a plain absolute URL"
        raise RefusedUrl(message)
    try:
        url = URL(text, encoded=True)
        host, port = url.host, url.port
    except ValueError as error:
        message = "it cannot be parsed"
        raise RefusedUrl(message) from error
    base = URL(base_url)
    if url.scheme not in _DEFAULT_PORTS or (url.scheme == "http" and base.scheme != "http"):
        message = "its scheme is not allowed"
        raise RefusedUrl(message)
    if not host or url.user is not None or url.password is not None:
        message = "it has no host, or user info"
        raise RefusedUrl(message)
    if (url.scheme, host, port) == (base.scheme, base.host, base.port):
        return url
    if port != _DEFAULT_PORTS[url.scheme] or not _is_within(host, host_suffixes):
        message = "its host is not one of the provider's"
        raise RefusedUrl(message)
    return url


def _is_within(host: str, suffixes: Sequence[str]) -> bool:
    name = host.lower().rstrip(".")
    return any(name == suffix or name.endswith("." + suffix) for suffix in suffixes)
