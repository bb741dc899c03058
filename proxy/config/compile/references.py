"""Values that must be set and may stand elsewhere: where references lead, and what is no use."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from proxy.config.document import Path
from proxy.config.secrets import Secrets, SecretUnsetError, has_reference
from proxy.config.validate import Checked
from proxy.outgoing.url import Destination, RefusedUrl, check_url

_PREFIX: Final = "whsec_"
_KEY_BYTES: Final = range(24, 65)
"""Source: https://github.com/standard-webhooks/standard-webhooks (spec, signature), 2026-08."""


@dataclass(frozen=True, slots=True)
class References:
    """Follows the references of one file, and reports there what leads nowhere."""

    checked: Checked[Any]
    secrets: Secrets

    def follow(self, path: Path, written: str) -> str:
        """Follow the references of a value that must be set; "" and a report if it is not."""
        try:
            return self.secrets.resolve(written)
        except SecretUnsetError as error:
            self.checked.report(path, f"{error}; allowed: a value, or no such key")
            return ""

    def secret(self, path: Path, written: str) -> SecretStr:
        """Follow a secret that must be set and stand outside the file; else "" and a report."""
        if not has_reference(written):
            message = "a secret must not be written out; allowed: ${VARIABLE} or file:/path"
            self.checked.report(path, message)
        return SecretStr(self.follow(path, written))

    def url(
        self, path: Path, written: str, leads_to: Callable[[str], Destination], *, allowed: str
    ) -> str:
        """Follow a URL to which something is sent; reports what could never be.

        `leads_to` says where it may lead, and may raise RefusedUrl.
        """
        url = self.follow(path, written)
        if url:
            try:
                check_url(url, leads_to(url))
            except RefusedUrl as error:
                message = f"nothing can be sent there, {error}; allowed: {allowed}"
                self.checked.report(path, message)
        return url

    def signing_secrets(self, path: Path, written: str) -> tuple[SecretStr, ...]:
        """Follow one signing secret, or two of them with a blank between; reports what is none."""
        secrets = self.secret(path, written).get_secret_value().split()
        if has_reference(written) and not all(map(_is_signing_secret, secrets)):
            message = (
                f"cannot sign; allowed: whsec_ and the Base64 of {_KEY_BYTES[0]} to "
                f"{_KEY_BYTES[-1]} bytes, or two of them with a blank between while one replaces "
                "the other"
            )
            self.checked.report(path, message)
        return tuple(map(SecretStr, secrets))


def _is_signing_secret(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return False
    return secret.startswith(_PREFIX) and len(key) in _KEY_BYTES
