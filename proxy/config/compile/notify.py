"""The receivers of notices: where they are, and what signs what they get."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from proxy.config.compile.credentials import Credentials
from proxy.config.schema.server import NotifySection
from proxy.config.settings import NotifySettings
from proxy.domain.notice import NoticeKind
from proxy.outgoing.url import RefusedUrl, check_url, destination_of

_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
"""Source: https://github.com/standard-webhooks/standard-webhooks (spec, signature), 2026-08."""


@dataclass(frozen=True, slots=True)
class Receivers:
    """Follows the references of `notify`; reports what could never be sent to, or not signed."""

    credentials: Credentials

    def compile(self, written: Mapping[int, NotifySection]) -> Iterator[NotifySettings]:
        """The receivers, in order."""
        seen: dict[str, int] = {}
        for index, section in written.items():
            url = self._url(index, section)
            if url and url in seen:
                message = f"is the same as notify[{seen[url]}].url; allowed: one entry for each"
                self.credentials.server.report(("notify", index, "url"), message)
            seen.setdefault(url, index)
            yield NotifySettings(
                kinds=tuple(NoticeKind(kind) for kind in section.on.values()),
                url=SecretStr(url),
                secrets=self._secrets(index, section),
                is_private=section.private,
            )

    def _url(self, index: int, section: NotifySection) -> str:
        url = self.credentials.follow(("notify", index, "url"), section.url)
        if url:
            try:
                check_url(url, destination_of(url, is_private=section.private))
            except RefusedUrl as error:
                allowed = "allowed: https to a public host; with private: true any host, and http"
                message = f"nothing can be sent there, {error}; {allowed}"
                self.credentials.server.report(("notify", index, "url"), message)
        return url

    def _secrets(self, index: int, section: NotifySection) -> tuple[SecretStr, ...]:
        path = ("notify", index, "secret")
        followed = self.credentials.secret(path, section.secret).get_secret_value()
        secrets = followed.split()
        if not all(map(_is_signing_secret, secrets)):
            message = (
                f"cannot sign; allowed: whsec_ and the Base64 of {_KEY_BYTES[0]} to "
                f"{_KEY_BYTES[-1]} bytes, or two of them with a blank between while one replaces "
                "the other"
            )
            self.credentials.server.report(path, message)
        return tuple(map(SecretStr, secrets))


def _is_signing_secret(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return False
    return secret.startswith(_PREFIX) and len(key) in _KEY_BYTES
