"""Make the words of others fit to be stored, logged and shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MESSAGE_CHARS_MAX = 300
# More than ever shown, so that cutting first cannot leave half a secret behind.
_LOOKED_AT_CHARS_MAX = 4_000
_URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{1,12}://\S+")
# Tokens, keys, signatures and Base64: long runs without a space that mix letters and digits.
_TOKEN = re.compile(r"(?=[A-Za-z_+/=.~-]*[0-9])(?=[0-9_+/=.~-]*[A-Za-z])[\w+/=.~-]{32,}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


def redact(text: str, secrets: Iterable[str] = (), *, chars_max: int = MESSAGE_CHARS_MAX) -> str:
    """Return `text` on one line, without secrets and URLs.

    Args:
        text: anything a provider or a receiver sent.
        secrets: credentials to remove wherever they appear, whatever they look like.
        chars_max: how long it is at most.
    """
    text = text[:_LOOKED_AT_CHARS_MAX]
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    text = _URL.sub("[url]", text)
    text = _TOKEN.sub("[redacted]", text)
    text = " ".join(_UNPRINTABLE.sub(" ", text).split())
    if len(text) > chars_max:
        text = text[: chars_max - 1] + "…"
    return text
