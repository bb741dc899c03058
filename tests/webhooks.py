"""Signs callbacks as their senders do, by code that shares nothing with the product's."""

from __future__ import annotations

import base64
import hmac
import json

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, or so").decode()


def signed(
    body: bytes,
    *,
    at_s: float,
    message_id: str = "msg_1",
    secret: str = SECRET,
) -> dict[str, str]:
    """The headers of a signed callback, names in lower case."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    timestamp = str(int(at_s))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(key, content, "sha256").digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def as_body(content: object) -> bytes:
    """A JSON body."""
    return json.dumps(content).encode()
