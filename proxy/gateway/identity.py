"""Who calls: a presented API key becomes a key and its team, or an error that tells nothing."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from proxy.domain.errors import Forbidden, Unauthenticated
from proxy.domain.ids import KeyId
from proxy.gateway.views import Caller

if TYPE_CHECKING:
    from proxy.domain.policy import Scope, Snapshot

KEY_PREFIX = "gl_"
_NO_DIGEST = "0" * 64


def authenticate(presented: str, scope: Scope, snapshot: Snapshot, now_s: float) -> Caller:
    """Find the caller behind a printed key, `gl_<id>_<secret>`.

    Raises:
        Unauthenticated: unknown, expired or malformed; the message is the same for each.
        Forbidden: the key is good, but lacks the scope.
    """
    parts = presented.split("_", 2)
    known = (
        snapshot.keys.get(KeyId(parts[1])) if len(parts) == len(("gl", "id", "secret")) else None
    )
    # Headers are read with surrogates in place of bytes that are no UTF-8.
    digest = hashlib.sha256(presented.encode(errors="surrogatepass")).hexdigest()
    # An unknown id is compared too, so that time does not tell it from a wrong secret.
    matches = hmac.compare_digest(digest, known.sha256 if known else _NO_DIGEST)
    is_ours = presented.startswith(KEY_PREFIX)
    if known is None or not matches or not is_ours or _has_expired(known.expires_at_s, now_s):
        message = "the API key is unknown, expired or revoked"
        raise Unauthenticated(message)
    if scope not in known.scopes:
        message = f"this API key lacks the scope {scope.value!r}"
        raise Forbidden(message)
    return Caller(key=known, team=snapshot.teams[known.team])


def _has_expired(expires_at_s: float | None, now_s: float) -> bool:
    return expires_at_s is not None and now_s >= expires_at_s
