"""Secrets stand outside the files: a value names an environment variable or a file.

`${NAME}` may stand anywhere in a value, `file:/path` is a whole value. What is read is never part
of a message, and nothing that looks like a key may be written out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

from proxy.config.document import Path, Plain

BYTES_MAX: Final = 64 * 1024
_REFERENCE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}", re.ASCII)
_FILE: Final = "file:"
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LOOKS_LIKE_KEY: Final = re.compile(
    r"-----BEGIN "
    r"|\beyJ[\w-]{8,}\.eyJ"  # JSON web tokens
    r"|\b(?:sk|pk|rk|key|whsec|ghp|gho|ghs|glpat|xox[abprs])[-_][\w-]{16,}"
    r"|\bgla?_[a-z2-7]{8}_[\w-]{16,}"  # our own keys and admin tokens
    r"|\bAKIA[0-9A-Z]{12,}"
    r"|\bAIza[\w-]{20,}"
    r"|\bya29\.[\w-]{16,}"
    r"|(?<![A-Za-z0-9+_=])(?=[A-Za-z+_=]*[0-9])(?=[0-9+_=]*[A-Za-z])[A-Za-z0-9+_=]{32,}",
    re.ASCII,
)


class SecretUnsetError(Exception):
    """A reference leads nowhere; the text names the variable or file, never a value."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where references lead: the environment, and the folder relative files start from."""

    env: Mapping[str, str]
    folder: FilePath

    def resolve(self, text: str) -> str:
        """Replace the references of one value by what they name.

        Raises:
            SecretUnsetError: A variable is unset or empty, or a file can't be read.
        """
        followed = _REFERENCE.sub(lambda found: self._variable(found[1]), text)
        # Decided on the text as written: a variable that holds "file:..." is a plain value.
        if text.startswith(_FILE):
            return self._read(self.folder / followed.removeprefix(_FILE))
        return followed

    def _variable(self, name: str) -> str:
        value = self.env.get(name, "")
        if not value:
            message = f"environment variable {name} is not set"
            raise SecretUnsetError(message)
        return value

    @staticmethod
    def _read(path: FilePath) -> str:
        try:
            with path.open("rb") as stream:
                content = stream.read(BYTES_MAX + 1)
            text = content.decode().strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"secret file {path} can't be read ({reason})"
            raise SecretUnsetError(message) from error
        if not text or len(content) > BYTES_MAX:
            message = f"secret file {path} is empty or above {BYTES_MAX} bytes"
            raise SecretUnsetError(message)
        return text


def is_reference(text: str) -> bool:
    """Say whether a value is nothing but a reference, so that no secret is written out in it."""
    return text.startswith(_FILE) or _REFERENCE.fullmatch(text) is not None


def has_reference(text: str) -> bool:
    """Say whether a value holds any reference."""
    return text.startswith(_FILE) or _REFERENCE.search(text) is not None


def looks_like_key(text: str) -> bool:
    """Say whether a value looks like a key, a token or a private key written out."""
    return _LOOKS_LIKE_KEY.search(_REFERENCE.sub("", text)) is not None


def inline_keys(data: Plain, path: Path = ()) -> Iterator[Path]:
    """Find every value that looks like a secret written out; hashes of keys are not secret."""
    if isinstance(data, str):
        is_hash = path[-1:] == ("sha256",) and _HASH.fullmatch(data) is not None
        if not is_hash and looks_like_key(data):
            yield path
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from inline_keys(item, (*path, index))
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from inline_keys(value, (*path, key))
