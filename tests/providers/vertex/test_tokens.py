"""Tokens that a service account signs itself."""

from __future__ import annotations

import asyncio
import json

import jwt
import pytest

from proxy.providers.vertex.tokens import ServiceAccountToken, UnreadableKey
from proxy.simulator.settings import wall_clock_s
from tests.providers.accounts import CLIENT_EMAIL, PUBLIC_KEY_PEM, SERVICE_ACCOUNT, HandClock


def a_token(clock: HandClock) -> ServiceAccountToken:
    return ServiceAccountToken(json.loads(SERVICE_ACCOUNT), clock)


async def test_a_token_is_signed_with_scope_and_without_any_network() -> None:
    clock = HandClock()
    header = (await a_token(clock).headers())["Authorization"]
    claims = jwt.decode(header.removeprefix("Bearer "), PUBLIC_KEY_PEM, algorithms=["RS256"])
    assert CLIENT_EMAIL == claims["iss"] == claims["sub"]
    assert "https://www.googleapis.com/auth/cloud-platform" == claims["scope"]
    assert 3_600 == claims["exp"] - claims["iat"]
    assert abs(claims["iat"] - wall_clock_s()) < 60


async def test_a_token_is_kept_and_renewed_before_it_expires() -> None:
    clock = HandClock()
    token = a_token(clock)
    signed = 0

    def count() -> str:
        nonlocal signed
        signed += 1
        return str(signed)

    token._sign = count  # type: ignore[method-assign]
    await asyncio.gather(*(token.headers() for _ in range(20)))
    clock.passed_s = 3_299.0
    assert {"Authorization": "Bearer 1"} == await token.headers()
    clock.passed_s = 3_300.0
    assert {"Authorization": "Bearer 2"} == await token.headers()


@pytest.mark.parametrize("key", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"])
async def test_an_unreadable_key_is_not_shown(key: str) -> None:
    content = json.loads(SERVICE_ACCOUNT) | {"private_key": key}
    with pytest.raises(UnreadableKey) as caught:
        await ServiceAccountToken(content, HandClock()).headers()
    assert not key or key not in str(caught.value)
