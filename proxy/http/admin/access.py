"""Who may call the admin API: the token, its role, and the mandate it gives."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.domain.bucket import BucketState
from proxy.domain.errors import (
    ArchiveDamaged,
    Forbidden,
    InvalidRequest,
    StoreUnavailable,
    Unauthenticated,
)
from proxy.domain.policy import AdminToken
from proxy.gateway.archive import DamagedArchive
from proxy.gateway.ports.artifacts import ArtifactUnavailable
from proxy.gateway.ports.ledger import Mandate
from proxy.http.headers import idempotency_key
from proxy.http.keys import RATES, STREAM
from proxy.http.middleware import bearer
from proxy.http.ratelimit import rate_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler, Middleware

    from proxy.domain.policy import Snapshot
    from proxy.http.admin.endpoints import AdminEndpoint

WANTED = "an admin token as `Authorization: Bearer gla_...`"
TOKEN_PREFIX = "gla"  # noqa: S105 - the public prefix of printed tokens
TOKEN_PARTS = 3
REASON_CHARS_MAX = 500
OPERATION_BYTES = 12
TOKEN = web.RequestKey("admin_token", AdminToken)
_NO_DIGEST = "0" * 64


Spend = Callable[[AdminToken], Awaitable[tuple[BucketState, ...]]]


def admin_access(
    snapshot: Callable[[], Snapshot],
    endpoints: Mapping[web.AbstractRoute, AdminEndpoint | None],
    spend: Spend | None,
) -> Middleware:
    """Innermost layer: every route of `endpoints` needs a token, and one of its roles.

    None stands for the paths below /admin/v1 that nothing serves: only token holders learn which.
    `spend` counts the request against its token, and refuses one too many; whoever passes requests
    on has none.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        route = request.match_info.route
        if route not in endpoints:
            return await handler(request)
        token = find_token(bearer(request, WANTED), snapshot().admin_tokens)
        if spend is not None:
            request[RATES] = rate_headers(await spend(token), None)
        endpoint = endpoints[route]
        if endpoint is not None and token.role not in endpoint.roles:
            allowed = ", ".join(endpoint.roles)
            message = f"the role {token.role!r} may not do this; allowed: {allowed}"
            raise Forbidden(message)
        request[TOKEN] = token
        try:
            return await handler(request)
        except ArtifactUnavailable as error:
            _raise_unless_streamed(request, error)
            message = "the artifact store, which holds the archived ledger, does not answer"
            raise StoreUnavailable(message) from error
        except DamagedArchive as error:
            _raise_unless_streamed(request, error)
            message = f"the archived ledger is damaged: {error}"
            raise ArchiveDamaged(message) from error

    return middleware


def _raise_unless_streamed(request: web.Request, error: Exception) -> None:
    """After the status was sent the answer can only be cut short."""
    stream: web.StreamResponse | None = request.get(STREAM)
    if stream is not None and stream.prepared:
        raise error


def find_token(presented: str, tokens: Mapping[str, AdminToken]) -> AdminToken:
    """The admin token behind its printed form, `gla_<id>_<secret>`.

    Raises:
        Unauthenticated: unknown or malformed, or none is configured; the message is the same.
    """
    parts = presented.split("_", TOKEN_PARTS - 1)
    is_shaped = len(parts) == TOKEN_PARTS and parts[0] == TOKEN_PREFIX
    token = tokens.get(parts[1]) if is_shaped else None
    digest = hashlib.sha256(presented.encode()).hexdigest()
    # An unknown id is compared too, so that time does not tell it from a wrong secret.
    matches = hmac.compare_digest(digest, _NO_DIGEST if token is None else token.sha256)
    if token is None or not matches:
        message = "the admin token is unknown or revoked"
        raise Unauthenticated(message)
    return token


class TokenMandates:
    """Makes mandates of requests: the token's name and id, and the operation it names or draws."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes

    def __call__(self, request: web.Request, *, operation: str = "", reason: str) -> Mandate:
        """The mandate of a change.

        An Idempotency-Key names the operation, for its own token; without one it is `operation`,
        or drawn.

        Raises:
            InvalidRequest: the reason says nothing, is too long, or holds control characters.
        """
        token = request[TOKEN]
        reason = reason.strip()
        if not (1 <= len(reason) <= REASON_CHARS_MAX and reason.isprintable()):
            message = f"reason must be 1 to {REASON_CHARS_MAX} printable characters"
            raise InvalidRequest(message, param="reason")
        named = idempotency_key(request)
        if named is not None:
            operation = f"{token.id}:{named}"
        return Mandate(
            operation=operation or f"change_{self._random_bytes(OPERATION_BYTES).hex()}",
            actor=f"{token.name} ({token.id})",
            role=token.role,
            reason=reason,
        )
