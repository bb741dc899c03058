"""Who calls: a service account with a token it signed itself, or a fixed bearer token.

Source: https://google.aip.dev/auth/4111 (self-signed JWT with scope or audience), 2026-11-22.
"""

import hmac

import jwt
from aiohttp import web

from proxy.simulator.settings import VertexProject
from proxy.simulator.vendors.vertex.errors import VertexError, fault_error
from proxy.simulator.world import World

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_AUDIENCE_HOST = "aiplatform.googleapis.com/"
_LIFETIME_S_MAX = 3600
_SKEW_S = 60  # the vendor allows clocks to differ a little; how much is not documented
_UNAUTHENTICATED = "401"


def authenticate(request: web.Request, world: World, project: str) -> VertexProject:
    """Return `project`, if the request's bearer may use it.

    Raises:
        VertexError: UNAUTHENTICATED or PERMISSION_DENIED.
    """
    for known in callers(request, world):
        if known.project == project:
            return known
    message = (
        "Permission 'aiplatform.endpoints.predict' denied on resource "
        f"'//aiplatform.googleapis.com/projects/{project}' (or it may not exist)."
    )
    reason = "IAM_PERMISSION_DENIED"
    raise VertexError(status="PERMISSION_DENIED", message=message, reason=reason)


def callers(request: web.Request, world: World) -> list[VertexProject]:
    """Return the projects that the request's bearer may use; at least one.

    Raises:
        VertexError: UNAUTHENTICATED.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    now_s = world.now_s()
    known = [project for project in world.settings.vertex if _is_caller(project, token, now_s)]
    if scheme != "Bearer" or not token or not known:
        raise fault_error(_UNAUTHENTICATED)
    return known


def _is_caller(known: VertexProject, token: str, now_s: float) -> bool:
    fixed = known.static_tokens
    if any(hmac.compare_digest(one.encode(), token.encode()) for one in fixed):
        return True
    return bool(known.public_key_pem) and _is_self_signed(known, token, now_s)


def _is_self_signed(known: VertexProject, token: str, now_s: float) -> bool:
    # Times are compared below, since the library would look at the machine's clock.
    unchecked = {
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
    }
    try:
        claims = jwt.decode(
            token,
            known.public_key_pem,
            algorithms=["RS256"],
            options=unchecked,  # type: ignore[arg-type]
        )
        issued_s, expires_s = int(claims["iat"]), int(claims["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        return False
    return (
        claims.get("iss") == claims.get("sub") == known.client_email
        and issued_s - _SKEW_S <= now_s < expires_s
        and expires_s - issued_s <= _LIFETIME_S_MAX
        and _is_for_us(claims.get("scope"), claims.get("aud"))
    )


def _is_for_us(scope: object, audience: object) -> bool:
    if isinstance(scope, str):
        return _SCOPE in scope.split()
    return isinstance(audience, str) and audience.endswith(_AUDIENCE_HOST)
