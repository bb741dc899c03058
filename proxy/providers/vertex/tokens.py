"""Bearer tokens that a service account signs itself: no network, a new one every hour.

Source: https://google.aip.dev/auth/4111 (self-signed JWT with scope), 2026-11-22.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.oauth2.service_account import Credentials

    from proxy.gateway.ports.runtime import Clock

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
# google-auth signs for an hour.
_LIFETIME_S = 3_600
_RENEWED_EARLY_S = 300


class UnreadableKey(ValueError):
    """The private key cannot be read; the text does not repeat it."""


class ServiceAccountToken:
    """The token of one service account, kept until shortly before it expires.

    Loading google-auth and checking the key take a third of a second: that happens with the
    first token, off the event loop, not at start-up or reload.
    """

    def __init__(self, key_file: Mapping[str, object], clock: Clock) -> None:
        self._key_file = key_file
        self._clock = clock
        self._credentials: Credentials | None = None
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at_s = 0.0

    async def headers(self) -> Mapping[str, str]:
        """Return the Authorization header; signing happens off the event loop, once at a time.

        Raises:
            UnreadableKey: the key file's private key is none.
        """
        if self._clock.now_s() >= self._renew_at_s:
            async with self._lock:
                now_s = self._clock.now_s()
                if now_s >= self._renew_at_s:
                    self._token = await asyncio.to_thread(self._sign)
                    self._renew_at_s = now_s + _LIFETIME_S - _RENEWED_EARLY_S
        return {"Authorization": f"Bearer {self._token}"}

    def _sign(self) -> str:
        if self._credentials is None:
            self._credentials = _load(self._key_file)
        # The transport is None: with always_use_jwt_access nothing is asked of anybody.
        self._credentials.refresh(None)  # type: ignore[no-untyped-call]
        return str(self._credentials.token)


def _load(key_file: Mapping[str, object]) -> Credentials:
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - heavy, see above
    from google.oauth2.service_account import Credentials  # noqa: PLC0415

    try:
        credentials: Credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
            key_file, scopes=[_SCOPE]
        ).with_always_use_jwt_access(True)  # noqa: FBT003 - their signature
    except (GoogleAuthError, ValueError, TypeError):
        message = "the service account's private_key cannot be read"
        raise UnreadableKey(message) from None
    return credentials
