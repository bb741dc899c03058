"""POST /callbacks/...: who is let in, how much is read, and what is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.errors import InvalidRequest, SignatureRefused, StoreUnavailable
from proxy.domain.events import RequestServed
from proxy.http.callbacks import CALLBACK_BYTES_MAX
from tests.http.heard import CALLBACK_PATH

if TYPE_CHECKING:
    from proxy.domain.errors import ProxyError
    from tests.fakes import RecordingObserver
    from tests.http.conftest import Client
    from tests.http.heard import RecordingCallbacks

NOBODY = {"Authorization": ""}


async def test_a_callback_is_passed_on_as_it_came(
    client: Client, callbacks: RecordingCallbacks
) -> None:
    headers = {**NOBODY, "Webhook-ID": "m1"}
    async with client.post(CALLBACK_PATH, data=b"\x00raw", headers=headers) as answer:
        assert (204, b"") == (answer.status, await answer.read())
    ((sent, body),) = callbacks.received
    assert ("m1", b"\x00raw") == (sent["webhook-id"], body)
    assert all(name == name.lower() for name in sent)


async def test_an_unknown_address_is_not_read(
    client: Client, callbacks: RecordingCallbacks, observer: RecordingObserver
) -> None:
    path = "/callbacks/kling/secret-looking-token"
    async with client.post(path, data=b"x" * 10**6, headers=NOBODY) as answer:
        body = await answer.text()
        assert (404, True) == (answer.status, "route_not_found" in body)
    assert [] == callbacks.received
    assert "secret-looking-token" not in body
    assert "secret-looking-token" not in repr(observer.events)


async def test_a_token_never_reaches_an_event(client: Client, observer: RecordingObserver) -> None:
    async with client.post(CALLBACK_PATH, data=b"{}", headers=NOBODY):
        pass
    (served,) = [event for event in observer.events if isinstance(event, RequestServed)]
    assert "/callbacks/{provider}/{token}" == served.route
    assert CALLBACK_PATH.rpartition("/")[2] not in repr(observer.events)


async def test_only_so_much_is_read(client: Client, callbacks: RecordingCallbacks) -> None:
    for size, status in ((CALLBACK_BYTES_MAX, 204), (CALLBACK_BYTES_MAX + 1, 413)):
        async with client.post(CALLBACK_PATH, data=b"x" * size, headers=NOBODY) as answer:
            assert status == answer.status
    assert 1 == len(callbacks.received)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SignatureRefused("no"), 401, "invalid_signature"),
        (InvalidRequest("no"), 400, "invalid_request"),
        (StoreUnavailable("no"), 503, "store_unavailable"),
    ],
)
async def test_what_is_refused_says_so(
    client: Client, callbacks: RecordingCallbacks, error: ProxyError, status: int, code: str
) -> None:
    callbacks.error = error
    async with client.post(CALLBACK_PATH, data=b"{}", headers=NOBODY) as answer:
        told = (await answer.json())["error"]["code"]
        assert (status, code) == (answer.status, told)
        assert (status == 503) == ("Retry-After" in answer.headers)


async def test_other_methods_are_not_possible(client: Client) -> None:
    async with client.get(CALLBACK_PATH, headers=NOBODY) as answer:
        assert (405, "POST") == (answer.status, answer.headers["Allow"])
