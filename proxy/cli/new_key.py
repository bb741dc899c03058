"""Makes keys: `gl_<id>_<secret>` for teams, `gla_<id>_<secret>` for administrators."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

API_KEY = "gl"
ADMIN_TOKEN = "gla"  # noqa: S105  a prefix, not a secret
_ID_BYTES = 5
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; `printed` is shown once and kept nowhere."""

    id: str
    printed: str

    @property
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of the whole printed key: all that a file may hold."""
        return hashlib.sha256(self.printed.encode()).hexdigest()


def new_key(prefix: str, random_bytes: Callable[[int], bytes]) -> NewKey:
    """Make a key: an id of 8 characters of a-z2-7, a secret of 43 characters of base64url."""
    identity = base64.b32encode(random_bytes(_ID_BYTES)).decode().lower()
    secret = base64.urlsafe_b64encode(random_bytes(_SECRET_BYTES)).decode().rstrip("=")
    return NewKey(id=identity, printed=f"{prefix}_{identity}_{secret}")
