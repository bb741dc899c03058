"""The bearer of a Kling account."""

from __future__ import annotations

import jwt

from proxy.providers.kling.auth import KlingAuth
from proxy.providers.kling.settings import KlingCredentials
from tests.providers.accounts import (
    ACCESS_KEY,
    API_KEY,
    KLING_CREDENTIALS,
    KLING_KEY_PAIR,
    SECRET_KEY,
    HandClock,
)
from tests.threads import off_the_loop


async def test_an_api_key_is_sent_as_it_is() -> None:
    auth = KlingAuth(KlingCredentials.model_validate(KLING_CREDENTIALS), HandClock())
    assert not auth.is_signed
    assert {"Authorization": f"Bearer {API_KEY}"} == await auth.headers()


async def test_a_key_pair_signs_the_documented_token() -> None:
    clock = HandClock(wall_s=1_795_000_000.9)
    token = await signed(KlingAuth(KlingCredentials.model_validate(KLING_KEY_PAIR), clock))
    unchecked = {"verify_exp": False, "verify_nbf": False}
    claims = jwt.decode(token, SECRET_KEY, algorithms=["HS256"], options=unchecked)  # type: ignore[arg-type]
    assert {"alg": "HS256", "typ": "JWT"} == jwt.get_unverified_header(token)
    expected = {"iss": ACCESS_KEY, "exp": 1_795_001_800, "nbf": 1_794_999_995}
    assert expected == claims


async def test_a_token_is_kept_and_renewed_before_it_expires() -> None:
    clock = HandClock()
    auth = KlingAuth(KlingCredentials.model_validate(KLING_KEY_PAIR), clock)
    first = await signed(auth)
    clock.passed_s = 1_499.0
    assert first == await signed(auth)
    clock.passed_s = 1_500.0
    assert first != await signed(auth)


async def test_a_forgotten_token_is_signed_again() -> None:
    clock = HandClock()
    auth = KlingAuth(KlingCredentials.model_validate(KLING_KEY_PAIR), clock)
    first = await signed(auth)
    clock.passed_s = 1.0
    auth.forget()
    assert first != await signed(auth)


async def test_signing_never_holds_up_the_event_loop() -> None:
    auth = KlingAuth(KlingCredentials.model_validate(KLING_KEY_PAIR), HandClock())
    with off_the_loop() as called:
        await signed(auth)
        await signed(auth)
    assert ["_sign"] == called


async def signed(auth: KlingAuth) -> str:
    return (await auth.headers())["Authorization"].removeprefix("Bearer ")
