"""What Kling sends by itself: asked for with each submit, checked, and read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.gateway.ports.provider import (
    Callback,
    CallbackFault,
    CallbackRefused,
    TakesCallbacks,
)
from tests.providers.accounts import (
    ATTEMPT,
    KLING_CREDENTIALS,
    KLING_OPERATION,
    Accounts,
    HandClock,
    an_order,
    settings_for,
)
from tests.providers.raw_server import answering, raw_server
from tests.webhooks import SECRET, as_body, signed

if TYPE_CHECKING:
    from proxy.gateway.ports.provider import VideoProvider

CREATED = (Path(__file__).parent / "fixtures" / "create.json").read_bytes()
TASK_ID = str(KLING_OPERATION["task_id"])


def listener(adapter: VideoProvider) -> TakesCallbacks:
    assert isinstance(adapter, TakesCallbacks)
    assert adapter.takes_callbacks
    return adapter


def a_callback(**fields: object) -> bytes:
    return as_body({"id": TASK_ID, "status": "succeeded", "external_id": ATTEMPT} | fields)


async def test_a_submit_says_where_callbacks_go(accounts: Accounts) -> None:
    url = "https://video.example.com/callbacks/kling/t"
    async with raw_server(answering(CREATED)) as server:
        settings = replace(settings_for(server.url), callback_url=url)
        await accounts.build("kling", KLING_CREDENTIALS, settings).submit(an_order(), ATTEMPT)
        sent = json.loads(server.requests[0].body)
    assert {"external_task_id": ATTEMPT, "callback_url": url} == sent["options"]


@pytest.mark.parametrize(
    ("status", "is_over"),
    [
        ("submitted", False),
        ("processing", False),
        ("succeeded", True),
        ("succeed", True),
        ("failed", True),
        ("dreaming", False),
    ],
)
def test_a_callback_tells_our_attempt_and_whether_it_is_over(
    accounts: Accounts, status: str, is_over: bool
) -> None:
    adapter = listener(accounts.kling("https://api.example"))
    told = adapter.parse_callback({}, a_callback(status=status))
    assert Callback(message=f"{TASK_ID}:{status}", is_over=is_over, attempt=ATTEMPT) == told
    assert adapter.callback_name(KLING_OPERATION) is None


def test_a_callback_must_be_signed_where_there_is_a_secret(
    accounts: Accounts, clock: HandClock
) -> None:
    credentials = KLING_CREDENTIALS | {"webhook_secret": SECRET}
    adapter = listener(accounts.kling("https://api.example", credentials))
    body = a_callback()
    told = adapter.parse_callback(signed(body, at_s=clock.now_s(), message_id="m7"), body)
    assert Callback(message="m7", is_over=True, attempt=ATTEMPT) == told
    for headers, fault in (
        ({}, CallbackFault.FORGED),
        (signed(b"{}", at_s=clock.now_s()), CallbackFault.FORGED),
        (signed(body, at_s=clock.now_s() - 301), CallbackFault.STALE),
    ):
        with pytest.raises(CallbackRefused) as caught:
            adapter.parse_callback(headers, body)
        assert fault is caught.value.fault


@pytest.mark.parametrize("body", [b"{", b"[]", a_callback(id=None), a_callback(status=7)])
def test_a_callback_that_is_no_task_cannot_be_read(accounts: Accounts, body: bytes) -> None:
    with pytest.raises(CallbackRefused) as caught:
        listener(accounts.kling("https://api.example")).parse_callback({}, body)
    assert CallbackFault.UNREADABLE is caught.value.fault


def test_a_callback_of_somebody_else_s_task_tells_no_attempt(accounts: Accounts) -> None:
    told = listener(accounts.kling("https://api.example")).parse_callback(
        {}, a_callback(external_id=None)
    )
    assert told.attempt is None
