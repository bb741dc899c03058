"""Where a Redis listens, read from a URL; standard library only, so that it is there at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

DEFAULT_PORT = 6379
EMBEDDED = "redis+embedded"
FSYNC = ("everysec", "always")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server: a unix socket path, or host and port."""

    path: str | None = None
    host: str = "localhost"
    port: int = DEFAULT_PORT
    is_tls: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0

    @property
    def name(self) -> str:
        """The address as people read it, without credentials."""
        return f"unix:{self.path}" if self.path else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedAddress:
    """A server of our own: the folder that holds its data, and how its AOF is synced."""

    folder: str
    fsync: str = "everysec"


def parse_store_url(url: str) -> Address | EmbeddedAddress:
    """Read a store URL.

    `redis+embedded:///var/lib/x?fsync=always`, `redis+embedded:./var/redis`, `redis://user:pw@host:6379/0`,
    `rediss://...`, `unix:///run/redis.sock?db=0`.

    Raises:
        ValueError: not such a URL; the message says what is allowed.
    """
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme == EMBEDDED:
        return _embedded(parts.netloc + unquote(parts.path), query)
    if parts.scheme == "unix":
        path = parts.netloc + unquote(parts.path)
        return Address(
            path=path,
            user=parts.username,
            password=query.get("password"),
            database=_database(query.get("db", "0")),
        )
    if parts.scheme not in ("redis", "rediss"):
        message = "the store URL starts with redis+embedded:, redis://, rediss:// or unix://"
        raise ValueError(message)
    return Address(
        host=parts.hostname or "localhost",
        port=parts.port or DEFAULT_PORT,
        is_tls=parts.scheme == "rediss",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=_database(query.get("db") or parts.path.strip("/") or "0"),
    )


def _embedded(folder: str, query: dict[str, str]) -> EmbeddedAddress:
    unknown = sorted(set(query) - {"fsync"})
    if not folder or unknown:
        message = f"{EMBEDDED}: takes a folder and ?fsync=everysec|always"
        raise ValueError(message)
    fsync = query.get("fsync", FSYNC[0])
    if fsync not in FSYNC:
        message = f"fsync is one of {', '.join(FSYNC)}"
        raise ValueError(message)
    return EmbeddedAddress(folder=folder, fsync=fsync)


def _database(text: str) -> int:
    if not text.isdecimal():
        message = "the database of a store URL is a number"
        raise ValueError(message)
    return int(text)
