"""The secret that signs artifact links: configured, or made once and kept for its owner only."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.config.settings import ServerSettings

SECRET_BYTES = 32
FILE_NAME = "link_secret"

_LOGGER = logging.getLogger("greenlight")


def kept_secret(folder: Path, random_bytes: Callable[[int], bytes]) -> bytes:
    """Read the secret kept in a folder, or make it (0600); two processes starting at once agree.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE_NAME
    fresh = folder / f"{FILE_NAME}.{os.getpid()}"
    if not path.exists():
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(random_bytes(SECRET_BYTES))
        # A hard link appears whole or not at all, and never replaces one that is there.
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_bytes()


def link_secret(server: ServerSettings) -> bytes:
    """The configured secret, else one kept beside the artifacts or, elsewhere, for this run.

    Raises:
        OSError: the folder beside the artifacts cannot be written.
    """
    configured = server.artifacts.link_secret
    if configured is not None:
        return configured.get_secret_value().encode()
    parts = urlsplit(server.artifacts.url)
    if parts.scheme == "file":
        return kept_secret(Path(unquote(parts.path)).parent, os.urandom)
    _LOGGER.warning("artifacts.link_secret is not set: links end with this process")
    return os.urandom(SECRET_BYTES)
