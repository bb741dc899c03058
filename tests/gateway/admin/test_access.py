"""Who may call what: every route by every role, and what every change needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from proxy.http.admin.endpoints import PREFIX, AdminEndpoint, Role
from proxy.http.admin.routes import TABLE
from tests.gateway.admin.office import IDS, REASON, TOKENS

if TYPE_CHECKING:
    from tests.gateway.admin.office import Office

CHANGES = [endpoint for endpoint in TABLE if endpoint.is_change]
LET_IN = frozenset([200, 400, 404])
"""Whoever is let in is served, or told that what is asked for does not make sense."""


def name_of(value: object) -> str | None:
    if isinstance(value, AdminEndpoint):
        return f"{value.method} {value.path}"
    return None


def a_path(endpoint: AdminEndpoint) -> str:
    return endpoint.path.replace("{id}", "video_" + "a" * 24).replace("{name}", "nobody")


@pytest.mark.parametrize("endpoint", TABLE, ids=name_of)
@pytest.mark.parametrize("role", Role)
async def test_a_role_may_do_what_the_table_says(
    office: Office, endpoint: AdminEndpoint, role: Role
) -> None:
    body = {"reason": REASON} if endpoint.method == "POST" else None
    path = a_path(endpoint)
    if endpoint.path == "/ledger/export":
        path += "?format=nothing"  # else it answers a file
    status, answer = await office.ask(role, endpoint.method, path, body)
    if role in endpoint.roles:
        assert status in LET_IN, answer
        assert status == 200 or answer["error"]["code"] in endpoint.all_errors
    else:
        assert (403, "forbidden") == (status, answer["error"]["code"])
        assert role in answer["error"]["message"]
        assert ", ".join(endpoint.roles) in answer["error"]["message"]


def test_a_viewer_may_read_everything_and_change_nothing() -> None:
    for endpoint in TABLE:
        may = Role.VIEWER in endpoint.roles
        assert may is not endpoint.is_change, endpoint.path
        is_question = endpoint.path in ("/budgets/preview", "/ledger/reconcile")
        assert endpoint.method == "GET" or endpoint.is_change or is_question


@pytest.mark.parametrize("endpoint", TABLE, ids=name_of)
async def test_without_a_token_nothing_is_served(office: Office, endpoint: AdminEndpoint) -> None:
    for token in ("", "Bearer gla_view2345_wrong", f"Basic {TOKENS[Role.VIEWER]}"):
        path, headers = PREFIX + a_path(endpoint), {"Authorization": token}
        async with office.client.request(endpoint.method, path, headers=headers) as answer:
            error = (await answer.json())["error"]
            assert (401, "invalid_api_key") == (answer.status, error["code"])


@pytest.mark.parametrize("endpoint", CHANGES, ids=name_of)
async def test_a_change_needs_a_reason(office: Office, endpoint: AdminEndpoint) -> None:
    sensible: dict[str, Any] = {
        "/overrides": {"budget": "monthly", "amount": "1"},
        "/jobs/{id}/resolve": {"outcome": "released"},
        "/ledger/write_off": {"attempt": "video_a-1"},
        "/ledger/reconcile/post": {"invoice": "provider,task_id,micro_usd\n"},
    }
    for reason in (None, "", "   ", "x" * 501, "two\nlines", 5):
        body = {**sensible.get(endpoint.path, {}), "reason": reason}
        status, answer = await office.ask(endpoint.roles[-1], "POST", a_path(endpoint), body)
        assert (400, "reason") == (status, answer["error"]["param"]), answer
    assert [] == await office.audited()


@pytest.mark.parametrize("endpoint", CHANGES, ids=name_of)
async def test_a_change_knows_its_fields(office: Office, endpoint: AdminEndpoint) -> None:
    role = endpoint.roles[-1]
    status, code, param = await office.refused(role, a_path(endpoint), nonsense=1)
    assert (400, "invalid_request", "nonsense") == (status, code, param)


@pytest.mark.parametrize("endpoint", [each for each in TABLE if each.query], ids=name_of)
async def test_a_read_knows_its_query(office: Office, endpoint: AdminEndpoint) -> None:
    path = f"{a_path(endpoint)}?nonsense=1"
    status, answer = await office.ask(Role.VIEWER, "GET", path)
    assert (400, "nonsense") == (status, answer["error"]["param"])


async def test_a_body_is_bounded(office: Office) -> None:
    refused = await office.refused(Role.OPERATOR, "/freezes", team="a" * 70_000)
    assert (413, "payload_too_large", None) == refused


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_is_bounded(office: Office, key: str) -> None:
    refused = await office.refused(Role.OPERATOR, "/freezes", key=key)
    assert (400, "invalid_request", "Idempotency-Key") == refused


async def test_the_actor_is_the_tokens_name_and_id(office: Office) -> None:
    await office.change(Role.FINANCE, "/freezes", key="mine")
    (entry,) = (await office.get("/audit"))["data"]
    assert {
        "actor": "finance1 (fina2345)",
        "role": "finance",
        "reason": REASON,
        "operation": f"{IDS[Role.FINANCE]}:mine",
    } == {name: entry[name] for name in ("actor", "role", "reason", "operation")}


async def test_a_key_names_one_change_of_one_token(office: Office) -> None:
    first = await office.change(Role.OPERATOR, "/freezes", key="a", provider="kling")
    assert first == await office.change(Role.OPERATOR, "/freezes", key="a", provider="kling")
    assert first["changed"]
    # Somebody else's key of the same name is another change: it finds the provider frozen.
    other = await office.change(Role.FINANCE, "/freezes", key="a", provider="kling")
    assert not other["changed"]
    refused = await office.refused(Role.OPERATOR, "/freezes", key="a", team="marketing")
    assert (409, "idempotency_conflict", "Idempotency-Key") == refused
    refused = await office.refused(Role.OPERATOR, "/freezes/thaw", key="a", provider="kling")
    assert (409, "idempotency_conflict", "Idempotency-Key") == refused
    assert 1 == len((await office.get("/freezes"))["data"])


async def test_the_table_can_be_asked_for(office: Office) -> None:
    listed = (await office.get(""))["data"]
    assert [(each.method, PREFIX + each.path) for each in TABLE] == [
        (each["method"], each["path"]) for each in listed
    ]


@pytest.mark.parametrize("path", ["/", "/nothing", "/teams/marketing", "/jobs/a/b/c"])
async def test_other_paths_are_404(office: Office, path: str) -> None:
    status, answer = await office.ask(Role.VIEWER, "GET", path)
    assert (404, "route_not_found") == (status, answer["error"]["code"])


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/freezes"), ("POST", "/teams"), ("GET", "/config/reload")]
)
async def test_another_method_is_405(office: Office, method: str, path: str) -> None:
    status, answer = await office.ask(Role.OPERATOR, method, path)
    assert (405, "route_not_found") == (status, answer["error"]["code"])


async def test_a_head_is_a_get_without_a_body(office: Office) -> None:
    headers = {"Authorization": f"Bearer {TOKENS[Role.VIEWER]}"}
    async with office.client.head(f"{PREFIX}/teams", headers=headers) as answer:
        assert (200, b"") == (answer.status, await answer.read())
