"""Who calls: an API key, or an HS256 token signed with an account's secret.

Source: https://kling.ai/document-api/api/get-started/authentication, 2026-09-20. The vendor
documents the token for its older API design only; the simulator takes it for both.
"""

import hmac

import jwt
from aiohttp import web

from proxy.simulator.settings import KlingAccount
from proxy.simulator.vendors.kling.errors import KlingError
from proxy.simulator.world import World

_CLAIMS = ["iss", "exp", "nbf"]


def authenticate(request: web.Request, world: World) -> KlingAccount:
    """Return the account whose credential the request carries.

    Raises:
        KlingError: 1000 to 1004, as the vendor's table says.
    """
    header = request.headers.get("Authorization", "")
    if not header:
        raise KlingError(1001, "Authorization is empty")
    scheme, _, credential = header.partition(" ")
    if scheme != "Bearer" or not credential:
        raise KlingError(1002, "Authorization is invalid")
    for account in world.settings.kling:
        for key in account.api_keys:
            if hmac.compare_digest(key.encode(), credential.encode()):
                return account
    return _by_token(credential, world)


def _by_token(token: str, world: World) -> KlingAccount:
    try:
        unverified = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise KlingError(1000, "Authentication failed") from error
    for account in world.settings.kling:
        for pair in account.key_pairs:
            if pair.access_key == unverified.get("iss"):
                _verify(token, pair.secret_key, world.now_s())
                return account
    raise KlingError(1000, "Authentication failed")


def _verify(token: str, secret: str, now_s: float) -> None:
    # Times are compared here, since the library would look at the machine's clock.
    options = {"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options=options)  # type: ignore[arg-type]
        not_before_s, expires_s = int(claims["nbf"]), int(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise KlingError(1000, "Authentication failed") from error
    if now_s < not_before_s:
        raise KlingError(1003, "Authorization is not yet valid")
    if now_s >= expires_s:
        raise KlingError(1004, "Authorization has expired")
