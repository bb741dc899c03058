"""Videos that Vertex writes into a bucket, fetched with the account's own token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import Failed, Succeeded
from tests.providers.accounts import (
    ATTEMPT,
    OPERATION_NAME,
    SIGNED_BEFORE,
    VERTEX_OPERATION,
    VERTEX_UPSTREAM,
    VIDEO,
    Accounts,
    an_order,
    download_failure,
    downloaded,
    files_in,
)
from tests.providers.raw_server import answering, raw_server

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.gateway.ports.provider import VideoProvider

K = FailureKind
STORAGE_URI = "gs://films/veo"
STORED = Succeeded(result={"videos": 1, "stored": "gs://films/veo/1 é/sample_0.mp4"})


def storing(accounts: Accounts, base_url: str, storage_base_url: str) -> VideoProvider:
    storage = {"storage_uri": STORAGE_URI, "storage_base_url": storage_base_url}
    return accounts.vertex(base_url, storage=storage)


def done(**response: object) -> dict[str, object]:
    return {"name": OPERATION_NAME, "done": True, "response": response}


async def test_a_submit_names_the_bucket(accounts: Accounts) -> None:
    async with raw_server(answering({"name": OPERATION_NAME})) as server:
        adapter = storing(accounts, server.url, server.url)
        await adapter.submit(an_order(upstream=VERTEX_UPSTREAM), ATTEMPT)
        sent = server.requests[0].json
    assert isinstance(sent, dict)
    assert STORAGE_URI == sent["parameters"]["storageUri"]


async def test_a_stored_video_is_fetched_with_the_same_token(
    accounts: Accounts, tmp_path: Path
) -> None:
    item = {"gcsUri": "gs://films/veo/1/sample_0.mp4", "mimeType": "video/mp4"}
    async with raw_server(answering(done(videos=[item], raiMediaFilteredCount=0))) as server:
        adapter = accounts.vertex(server.url, spool_dir=tmp_path)
        result = await adapter.status(VERTEX_OPERATION)
    assert isinstance(result, Succeeded)
    assert (1, None) == (result.result["videos"], result.charge_micro_usd)
    assert [] == files_in(tmp_path)
    async with raw_server(answering(VIDEO)) as storage:
        adapter = storing(accounts, "http://127.0.0.1:1", f"{storage.url}/gcs/")
        assert VIDEO == await downloaded(adapter, result)
        (request,) = storage.requests
    path = "/gcs/storage/v1/b/films/o/veo%2F1%2Fsample_0.mp4?alt=media"
    assert f"GET {path} HTTP/1.1" == request.line
    assert f"Bearer {SIGNED_BEFORE}" == request.headers["authorization"]


async def test_any_object_s_name_is_one_part_of_the_path(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as storage:
        adapter = storing(accounts, "http://127.0.0.1:1", storage.url)
        assert VIDEO == await downloaded(adapter, STORED)
        (request,) = storage.requests
    path = "/storage/v1/b/films/o/veo%2F1%20%C3%A9%2Fsample_0.mp4?alt=media"
    assert f"GET {path} HTTP/1.1" == request.line


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("403 Forbidden", K.UNAVAILABLE),
        ("404 Not Found", K.UNAVAILABLE),
        ("429 Too Many Requests", K.THROTTLED),
    ],
)
async def test_a_bucket_that_refuses(accounts: Accounts, status: str, kind: FailureKind) -> None:
    async with raw_server(answering(b"", status=status)) as storage:
        adapter = storing(accounts, "http://127.0.0.1:1", storage.url)
        failure = await download_failure(adapter, STORED)
    assert (kind, f"http_{status[:3]}") == (failure.kind, failure.upstream_code)


async def test_the_token_does_not_follow_a_redirect_elsewhere(accounts: Accounts) -> None:
    async with raw_server(answering(VIDEO)) as elsewhere:
        target = {"Location": f"{elsewhere.url}/1.mp4"}
        async with raw_server(answering(b"", status="302 Found", headers=target)) as storage:
            adapter = storing(accounts, "http://127.0.0.1:1", storage.url)
            failure = await download_failure(adapter, STORED)
        assert 0 == elsewhere.connections
    assert K.MALFORMED is failure.kind


async def test_what_is_no_video_is_malformed(accounts: Accounts) -> None:
    async with raw_server(answering({"error": "odd"})) as storage:
        adapter = storing(accounts, "http://127.0.0.1:1", storage.url)
        assert K.MALFORMED is (await download_failure(adapter, STORED)).kind


async def test_filtered_videos_leave_nothing_to_fetch(accounts: Accounts) -> None:
    answer = done(raiMediaFilteredCount=1, raiMediaFilteredReasons=["no"])
    async with raw_server(answering(answer)) as server:
        status = await storing(accounts, server.url, server.url).status(VERTEX_OPERATION)
    assert isinstance(status, Failed)
    assert K.CONTENT_POLICY is status.failure.kind
