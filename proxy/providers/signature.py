"""Signed callbacks as Standard Webhooks has them, which Kling and OpenAI both send.

Source: github.com/standard-webhooks/standard-webhooks (spec), 2026-08; kling.ai/document-api
(callbacks), 2026-09-20; `openai.lib._webhooks` of openai 3.54.0, 2026-11-22.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, SecretStr

from proxy.gateway.ports.provider import CallbackFault, CallbackRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_S = 300
_PREFIX = "whsec_"
_VERSION = "v1,"
_KEY_BYTES_MIN = 16
_TIMESTAMP_DIGITS_MAX = 12
_ID_CHARACTERS_MAX = 256


def signing_key(secret: str) -> bytes:
    """The key inside a secret: `whsec_` and Base64, else the secret's own bytes.

    Raises:
        ValueError: it is not Base64, or shorter than 16 bytes; the message holds nothing of it.
    """
    key = secret.encode()
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error as error:
            message = "is not whsec_ and Base64"
            raise ValueError(message) from error
    if len(key) < _KEY_BYTES_MIN:
        message = f"holds a key of less than {_KEY_BYTES_MIN} bytes"
        raise ValueError(message)
    return key


def _checked(secret: SecretStr) -> SecretStr:
    signing_key(secret.get_secret_value())
    return secret


WebhookSecret = Annotated[SecretStr, Field(min_length=1), AfterValidator(_checked)]
"""A vendor's secret for callbacks in an account's credentials."""


def verified_id(headers: Mapping[str, str], body: bytes, *, key: bytes, now_s: float) -> str:
    """The id of a callback whose signature holds; a sender uses it again for the same message.

    Args:
        headers: with names in lower case.
        body: as it came.
        key: what it must be signed with.
        now_s: Unix seconds.

    Raises:
        CallbackRefused: FORGED, or STALE for one signed more than five minutes ago or ahead.
    """
    message_id, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    is_number = timestamp.isascii() and timestamp.isdigit()
    if not 0 < len(message_id) <= _ID_CHARACTERS_MAX or not is_number:
        raise CallbackRefused(CallbackFault.FORGED)
    signed = f"{message_id}.{timestamp}.".encode(errors="replace") + body
    own = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    presented = (
        part.removeprefix(_VERSION).encode(errors="replace")
        for part in headers.get(SIGNATURE, "").split(" ")
        if part.startswith(_VERSION)
    )
    # While a secret is changed, each message carries two signatures.
    matches = [hmac.compare_digest(own, one) for one in presented]
    if not any(matches) or len(timestamp) > _TIMESTAMP_DIGITS_MAX:
        raise CallbackRefused(CallbackFault.FORGED)
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        raise CallbackRefused(CallbackFault.STALE)
    return message_id


def read_event(body: bytes) -> dict[str, object]:
    """Read a callback's JSON object.

    Raises:
        CallbackRefused: UNREADABLE.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CallbackRefused(CallbackFault.UNREADABLE) from error
    if not isinstance(content, dict):
        raise CallbackRefused(CallbackFault.UNREADABLE)
    return content
