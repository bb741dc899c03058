"""Store URLs are read whole, or refused with what is allowed."""

from __future__ import annotations

import pytest

from proxy.store.address import Address, EmbeddedAddress, parse_store_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+embedded:///var/lib/x/redis", EmbeddedAddress(folder="/var/lib/x/redis")),
        ("redis+embedded:./var/redis", EmbeddedAddress(folder="./var/redis")),
        ("redis+embedded://./var/redis", EmbeddedAddress(folder="./var/redis")),
        ("redis+embedded:///a%20b?fsync=always", EmbeddedAddress(folder="/a b", fsync="always")),
        ("redis://", Address()),
        ("redis://db.example:7000/2", Address(host="db.example", port=7000, database=2)),
        ("redis://:p%40ss@db", Address(host="db", password="p@ss")),
        ("rediss://me:pw@db", Address(host="db", is_tls=True, user="me", password="pw")),
        ("unix:///run/redis.sock?db=1", Address(path="/run/redis.sock", database=1)),
        ("unix:///run/redis.sock", Address(path="/run/redis.sock")),
    ],
)
def test_a_url_is_read(url: str, expected: Address | EmbeddedAddress) -> None:
    assert expected == parse_store_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "redis+embedded:",
        "redis+embedded:///x?fsync=no",
        "redis+embedded:///x?sync=always",
        "redis://localhost/one",
        "",
    ],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_store_url(url)


def test_a_password_is_never_printed() -> None:
    address = parse_store_url("redis://:secret@db/1")
    assert isinstance(address, Address)
    assert "secret" not in repr(address)
    assert "db:6379" == address.name
