"""The provider table, and what importing it must not cost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from proxy.domain.failure import FailureKind
from proxy.gateway.ports.provider import FindsByAttempt
from proxy.providers import PROVIDERS
from tests.providers.accounts import (
    API_KEY,
    API_SECRET,
    ATTEMPT,
    KLING_CREDENTIALS,
    KLING_KEY_PAIR,
    OPENAI_CREDENTIALS,
    OPENAI_KEY,
    PRIVATE_KEY_PEM,
    RUNWAY_CREDENTIALS,
    SERVICE_ACCOUNT,
    VERTEX_CREDENTIALS,
    VERTEX_OPERATION,
    Accounts,
    an_order,
    failure_of,
    settings_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_each_entry_stands_under_its_own_name() -> None:
    names = ["kling", "vertex", "runway", "openai"]
    assert dict(zip(names, names, strict=True)) == {
        name: manifest.name for name, manifest in PROVIDERS.items()
    }


def test_importing_the_table_loads_no_cryptography() -> None:
    code = (
        "import sys, proxy.providers; "
        "heavy = ('google.auth', 'jwt', 'cryptography', 'requests'); "
        "print([name for name in heavy if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert "[]" == answer.stdout.strip()


@pytest.mark.parametrize(
    ("name", "credentials"),
    [
        ("kling", KLING_CREDENTIALS),
        ("kling", KLING_KEY_PAIR),
        ("vertex", VERTEX_CREDENTIALS),
        ("vertex", {**VERTEX_CREDENTIALS, "location": "europe-west4"}),
        ("vertex", {**VERTEX_CREDENTIALS, "storage_uri": "gs://films"}),
        ("vertex", {**VERTEX_CREDENTIALS, "storage_uri": "gs://my.films_1/veo/2026/"}),
        ("runway", RUNWAY_CREDENTIALS),
        ("openai", OPENAI_CREDENTIALS),
        ("openai", {**OPENAI_CREDENTIALS, "organization": "org-1", "project": "proj_1"}),
    ],
)
async def test_an_adapter_is_built_without_a_connection(
    accounts: Accounts, name: str, credentials: dict[str, str]
) -> None:
    adapter = accounts.build(name, credentials, settings_for("http://127.0.0.1:1"))
    assert (name == "kling") == isinstance(adapter, FindsByAttempt)


@pytest.mark.parametrize(
    ("name", "credentials"),
    [
        ("kling", {}),
        ("kling", {"api_key": ""}),
        ("kling", {"access_key": "a"}),
        ("kling", {"secret_key": "a"}),
        ("kling", {**KLING_CREDENTIALS, **KLING_KEY_PAIR}),
        ("kling", {**KLING_CREDENTIALS, "access_key": "a"}),
        ("kling", {**KLING_CREDENTIALS, "region": "a"}),
        ("vertex", {}),
        ("vertex", {"project": "p"}),
        ("vertex", {**VERTEX_CREDENTIALS, "project": "../p"}),
        ("vertex", {**VERTEX_CREDENTIALS, "location": ""}),
        ("vertex", {**VERTEX_CREDENTIALS, "service_account": PRIVATE_KEY_PEM}),
        ("vertex", {**VERTEX_CREDENTIALS, "service_account": f'["{API_KEY}"]'}),
        ("vertex", {**VERTEX_CREDENTIALS, "service_account": f'{{"private_key": "{API_KEY}"}}'}),
        ("vertex", {**VERTEX_CREDENTIALS, "service_account": "[" * 100_000}),
        ("vertex", {**VERTEX_CREDENTIALS, "storage_uri": "s3://films"}),
        ("vertex", {**VERTEX_CREDENTIALS, "storage_uri": "gs://Films"}),
        ("vertex", {**VERTEX_CREDENTIALS, "storage_uri": "gs://films/a b"}),
        ("vertex", {**VERTEX_CREDENTIALS, "storage_base_url": "ftp://films.example"}),
        ("runway", {}),
        ("runway", {"api_secret": ""}),
        ("runway", {"api_key": API_KEY}),
        ("openai", {}),
        ("openai", {"api_key": ""}),
        ("openai", {**OPENAI_CREDENTIALS, "organization": "a\r\nb"}),
        ("openai", {**OPENAI_CREDENTIALS, "region": API_KEY}),
    ],
)
def test_wrong_credentials_are_refused_without_being_shown(
    name: str, credentials: Mapping[str, str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        PROVIDERS[name].credentials_model.model_validate(credentials)
    shown = str(caught.value)
    assert API_KEY not in shown
    assert "PRIVATE KEY" not in shown


def test_credentials_are_not_shown_by_repr() -> None:
    accounts: Mapping[str, Mapping[str, str]] = {
        "kling": KLING_CREDENTIALS,
        "vertex": VERTEX_CREDENTIALS,
        "runway": RUNWAY_CREDENTIALS,
        "openai": OPENAI_CREDENTIALS,
    }
    for name, credentials in accounts.items():
        shown = repr(PROVIDERS[name].credentials_model.model_validate(credentials))
        assert not [secret for secret in (API_KEY, API_SECRET, OPENAI_KEY) if secret in shown]
        assert "PRIVATE KEY" not in shown


async def test_an_unreadable_private_key_is_a_matter_of_credentials(accounts: Accounts) -> None:
    key_file = SERVICE_ACCOUNT.replace("MII", "xII")
    credentials = {**VERTEX_CREDENTIALS, "service_account": key_file}
    adapter = accounts.build("vertex", credentials, settings_for("http://127.0.0.1:1"))
    for call in (adapter.submit(an_order(), ATTEMPT), adapter.status(VERTEX_OPERATION)):
        failure = await failure_of(call)
        assert FailureKind.AUTH is failure.kind
        assert "xII" not in failure.message
