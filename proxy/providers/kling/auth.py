"""The bearer of a Kling account: its API key, or a short-lived token signed with its secret."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from proxy.gateway.ports.runtime import Clock
    from proxy.providers.kling.settings import KlingCredentials

# Source: https://kling.ai/document-api/api/get-started/authentication, 2026-09-20: exp is 1800 s
# ahead, nbf 5 s back.
_LIFETIME_S = 1_800
_BACKDATED_S = 5
_RENEWED_EARLY_S = 300


class KlingAuth:
    """Gives the Authorization header; a signed token is kept until shortly before it expires."""

    def __init__(self, credentials: KlingCredentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._token = ""
        self._renew_at_s = 0.0

    @property
    def is_signed(self) -> bool:
        """Say whether signing again can help against a token that is expired or not yet valid."""
        return self._credentials.api_key is None

    async def headers(self) -> Mapping[str, str]:
        """Return the header of the next request.

        Signing happens off the event loop: the first time it imports what it needs, which takes
        a tenth of a second.
        """
        if self._credentials.api_key is not None:
            return {"Authorization": f"Bearer {self._credentials.api_key.get_secret_value()}"}
        now_s = self._clock.now_s()
        if now_s >= self._renew_at_s:
            self._token = await asyncio.to_thread(self._sign, int(now_s))
            self._renew_at_s = now_s + _LIFETIME_S - _RENEWED_EARLY_S
        return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Drop the kept token; the next request signs a new one."""
        self._renew_at_s = 0.0

    def _sign(self, now_s: int) -> str:
        import jwt  # noqa: PLC0415 - loads cryptography, which accounts with an API key never need

        access_key, secret_key = self._credentials.access_key, self._credentials.secret_key
        assert access_key is not None
        assert secret_key is not None
        claims = {
            "iss": access_key.get_secret_value(),
            "exp": now_s + _LIFETIME_S,
            "nbf": now_s - _BACKDATED_S,
        }
        return jwt.encode(claims, secret_key.get_secret_value(), algorithm="HS256")
