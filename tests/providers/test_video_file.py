"""Downloads from URLs: whole or an error, from the provider's own hosts, without credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.providers.exchange import Exchange
from proxy.providers.failures import Failures
from proxy.providers.video_file import VideoFile, is_video
from tests.providers.accounts import PATIENT_S, VIDEO, Accounts, failure_of, settings_for
from tests.providers.behaviours import BROKEN_AFTER_THE_REQUEST, call_s_for
from tests.providers.raw_server import Connection, answering, head, raw_server, refused_url

if TYPE_CHECKING:
    from tests.providers.raw_server import Behaviour

FAILURES = Failures("somebody")


async def fetched(
    accounts: Accounts, url: object, base_url: str, *, total_s: float = PATIENT_S
) -> bytes:
    settings = settings_for(base_url)
    exchange = Exchange(accounts.sessions, settings, accounts.clock, FAILURES)
    video = VideoFile(url=url, base_url=base_url, host_suffixes=(), total_s=total_s)
    return b"".join([chunk async for chunk in video.stream(exchange, FAILURES)])


async def test_a_video_arrives_byte_for_byte_and_no_credentials_leave(
    accounts: Accounts,
) -> None:
    async with raw_server(answering(VIDEO)) as server:
        target = "/a.mp4?sig=a%2Fb%2Bc=="
        assert VIDEO == await fetched(accounts, server.url + target, server.url)
        (request,) = server.requests
    assert f"GET {target} HTTP/1.1" == request.line
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "name",
    [name for name in BROKEN_AFTER_THE_REQUEST if name not in {"slow_body", "oversized_body"}],
)
async def test_a_broken_download_can_be_tried_again(accounts: Accounts, name: str) -> None:
    async with raw_server(BROKEN_AFTER_THE_REQUEST[name]) as server:
        download = fetched(accounts, server.url, server.url, total_s=call_s_for(name))
        failure = await failure_of(download)
    assert FailureKind.UNAVAILABLE is failure.kind


async def test_a_download_cut_off_in_the_middle_is_an_error(accounts: Accounts) -> None:
    async def cut(connection: Connection) -> None:
        await connection.read()
        await connection.send(head("200 OK", {"Content-Length": str(len(VIDEO))}))
        await connection.send(VIDEO[: len(VIDEO) // 2])

    async with raw_server(cut) as server:
        failure = await failure_of(fetched(accounts, server.url, server.url))
    assert FailureKind.UNAVAILABLE is failure.kind


async def test_a_dead_host_is_an_error(accounts: Accounts) -> None:
    url = refused_url()
    assert FailureKind.UNAVAILABLE is (await failure_of(fetched(accounts, url, url))).kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("403 Forbidden", FailureKind.UNAVAILABLE),
        ("404 Not Found", FailureKind.UNAVAILABLE),
        ("429 Too Many Requests", FailureKind.THROTTLED),
        ("503 Service Unavailable", FailureKind.UNAVAILABLE),
    ],
)
async def test_a_refused_download_keeps_its_status(
    accounts: Accounts, status: str, kind: FailureKind
) -> None:
    refusing = answering(b"", status=status, headers={"Retry-After": "4"})
    async with raw_server(refusing) as server:
        failure = await failure_of(fetched(accounts, server.url, server.url))
    expected = (kind, f"http_{status[:3]}", 4.0)
    assert expected == (failure.kind, failure.upstream_code, failure.retry_after_s)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"\x00\x00", b"tiny"])
async def test_what_is_no_video_is_refused(accounts: Accounts, body: bytes) -> None:
    async with raw_server(answering(body)) as server:
        failure = await failure_of(fetched(accounts, server.url, server.url))
    assert FailureKind.MALFORMED is failure.kind


def redirecting(location: str) -> Behaviour:
    """Redirect `/start` to `location` and deliver the video everywhere else."""

    async def behave(connection: Connection) -> None:
        while True:
            request = await connection.read()
            if "/start" in request.line:
                target = {"Location": location}
                await connection.answer(b"", status="302 Found", headers=target)
            else:
                await connection.answer(VIDEO)

    return behave


async def test_a_redirect_within_the_provider_is_followed(accounts: Accounts) -> None:
    async with raw_server(redirecting("/end.mp4?a=%2F")) as server:
        assert VIDEO == await fetched(accounts, f"{server.url}/start", server.url)
        assert "GET /end.mp4?a=%2F HTTP/1.1" == server.requests[-1].line


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/", "https://evil.example/", "/start", "http://[", ""]
)
async def test_a_redirect_to_elsewhere_or_in_circles_is_refused(
    accounts: Accounts, location: str
) -> None:
    async with raw_server(redirecting(location)) as server:
        failure = await failure_of(fetched(accounts, f"{server.url}/start", server.url))
        assert len(server.requests) <= 4
    assert FailureKind.MALFORMED is failure.kind


async def test_a_foreign_url_is_never_asked(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as server:
        failure = await failure_of(fetched(accounts, server.url, "https://api.example"))
        assert 0 == server.connections
    assert FailureKind.MALFORMED is failure.kind


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        (VIDEO[:12], True),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00", True),
        (b"\x1a\x45\xdf\xa3........", True),
        (b"<html><body>", False),
        (b'{"code":0,"d', False),
        (b"\x89PNG\r\n\x1a\n....", False),
    ],
)
def test_a_video_is_known_by_its_opening(opening: bytes, expected: bool) -> None:
    assert expected == is_video(opening)
