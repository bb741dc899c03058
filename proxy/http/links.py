"""Signed links: whoever holds one may fetch its artifact without a key, for at most an hour."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from proxy.domain.errors import Unauthenticated

LINK_LIFETIME_S = 3600
SOURCE_VARIANT = "source"
_CONTENT, _SOURCE = "content-link", "source-link"
_STEP_S = 600
_EXPIRES_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLink:
    """A link's address and the Unix second at which it dies."""

    url: str
    expires_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Signs and checks links with HMAC-SHA256 over the job id and the expiry.

    `public_url` ("https://video.example.com") is where callers reach this server; None takes the
    address the request came to.
    """

    secret: bytes
    public_url: str | None = None

    def __post_init__(self) -> None:
        """Refuse a secret that could be guessed."""
        assert len(self.secret) >= 16  # noqa: PLR2004 - 128 bits

    def sign(self, job_id: str, *, origin: str, now_s: float, until_s: float | None) -> SignedLink:
        """Make a link that dies in an hour, or with its artifact at `until_s` if that is sooner.

        Within ten minutes the same link comes out, so that answers do not change with each poll.
        """
        expires_s = int(now_s) // _STEP_S * _STEP_S + LINK_LIFETIME_S
        if until_s is not None:
            expires_s = min(expires_s, int(until_s))
        base = self.public_url or origin
        signature = self._signature(job_id, expires_s)
        url = f"{base}/v1/videos/{job_id}/content?expires={expires_s}&signature={signature}"
        return SignedLink(url=url, expires_at_s=expires_s)

    def sign_source(self, job_id: str, *, now_s: float) -> SignedLink:
        """Make a link to the video that a job starts from; `public_url` must be known."""
        assert self.public_url is not None
        expires_s = int(now_s) // _STEP_S * _STEP_S + LINK_LIFETIME_S
        signature = self._signature(job_id, expires_s, kind=_SOURCE)
        query = f"variant={SOURCE_VARIANT}&expires={expires_s}&signature={signature}"
        url = f"{self.public_url}/v1/videos/{job_id}/content?{query}"
        return SignedLink(url=url, expires_at_s=expires_s)

    def verify(
        self, job_id: str, *, expires: str, signature: str, now_s: float, is_source: bool = False
    ) -> None:
        """Check what a request presents; `is_source`: for the video that the job starts from.

        Raises:
            Unauthenticated: not signed by us for this job, or expired; the message is the same.
        """
        is_number = expires.isascii() and expires.isdigit() and len(expires) < _EXPIRES_DIGITS_MAX
        expires_s = int(expires) if is_number else 0
        made = self._signature(job_id, expires_s, kind=_SOURCE if is_source else _CONTENT)
        good = hmac.compare_digest(made.encode(), signature.encode(errors="replace"))
        if not good or now_s >= expires_s:
            message = "this link is wrong or has expired; GET the video again for a fresh one"
            raise Unauthenticated(message)

    def _signature(self, job_id: str, expires_s: int, *, kind: str = _CONTENT) -> str:
        signed = f"{kind}|{expires_s}|{job_id}".encode(errors="replace")
        digest = hmac.digest(self.secret, signed, hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
