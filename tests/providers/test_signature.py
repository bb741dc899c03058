"""Signatures of callbacks: the published vector, and whatever is not quite one."""

from __future__ import annotations

import base64

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.gateway.ports.provider import CallbackFault, CallbackRefused
from proxy.providers.signature import TOLERANCE_S, read_event, signing_key, verified_id
from tests.webhooks import SECRET, signed

NOW_S = 1_795_000_000
BODY = b'{"a": 1}'
KEY = signing_key(SECRET)


def fault(
    headers: dict[str, str], body: bytes = BODY, *, now_s: float = NOW_S
) -> CallbackFault | None:
    try:
        verified_id(headers, body, key=KEY, now_s=now_s)
    except CallbackRefused as refused:
        return refused.fault
    return None


def test_the_vector_of_standard_webhooks_holds() -> None:
    """Source: github.com/standard-webhooks/standard-webhooks, libraries' tests, 2026-08."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert headers["webhook-id"] == verified_id(headers, body, key=key, now_s=1_614_265_331)


def test_the_openai_client_verifies_the_same() -> None:
    headers = signed(BODY, at_s=NOW_S)
    client = openai.OpenAI(api_key="none", webhook_secret=SECRET)
    # It looks at this machine's clock: any age is allowed here.
    client.webhooks.verify_signature(BODY.decode(), headers, tolerance=10**10)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(BODY.decode() + " ", headers, tolerance=10**10)


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [
        (0, None),
        (TOLERANCE_S, None),
        (-TOLERANCE_S, None),
        (TOLERANCE_S + 1, CallbackFault.STALE),
        (-TOLERANCE_S - 1, CallbackFault.STALE),
    ],
)
def test_a_signature_holds_for_five_minutes(age_s: int, expected: CallbackFault | None) -> None:
    assert expected is fault(signed(BODY, at_s=NOW_S - age_s))


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-id": "m" * 257},
        {"webhook-timestamp": str(NOW_S + 1)},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1a,AAAA"},
        {"webhook-signature": "\ud800"},
    ],
)
def test_anything_else_is_forged(change: dict[str, str]) -> None:
    assert CallbackFault.FORGED is fault(signed(BODY, at_s=NOW_S) | change)


def test_a_long_timestamp_that_is_signed_is_still_refused() -> None:
    assert CallbackFault.FORGED is fault(signed(BODY, at_s=10**20))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed(name: str) -> None:
    headers = signed(BODY, at_s=NOW_S)
    del headers[name]
    assert CallbackFault.FORGED is fault(headers)


def test_another_secret_or_body_is_forged() -> None:
    other = "whsec_" + base64.b64encode(b"another key of 32 bytes, or more").decode()
    assert CallbackFault.FORGED is fault(signed(BODY, at_s=NOW_S, secret=other))
    assert CallbackFault.FORGED is fault(signed(BODY, at_s=NOW_S), BODY + b" ")


def test_one_of_two_signatures_is_enough_while_a_secret_changes() -> None:
    other = "whsec_" + base64.b64encode(b"another key of 32 bytes, or more").decode()
    old = signed(BODY, at_s=NOW_S, secret=other)["webhook-signature"]
    headers = signed(BODY, at_s=NOW_S)
    headers["webhook-signature"] = f"{old} v1a,xyz {headers['webhook-signature']}"
    assert fault(headers) is None


@given(st.dictionaries(st.sampled_from(list(signed(b"", at_s=0))), st.text()), st.binary())
def test_no_headers_and_no_body_break_it(headers: dict[str, str], body: bytes) -> None:
    assert CallbackFault.FORGED is fault(headers, body)


def test_a_secret_without_its_prefix_is_its_own_key() -> None:
    assert b"sixteen letters." == signing_key("sixteen letters.")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", "whsec_AAAA", "short"])
def test_a_secret_that_is_none_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError, match=r"whsec_ and Base64|less than 16 bytes") as caught:
        signing_key(secret)
    assert "AAAA" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_cannot_be_read(body: bytes) -> None:
    with pytest.raises(CallbackRefused) as caught:
        read_event(body)
    assert CallbackFault.UNREADABLE is caught.value.fault
