"""Credentials are checked by the adapter's own model; unset ones put the account aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from proxy.config.load import Loaded, load
from proxy.config.problem import ConfigError
from tests.builders import NOW_S
from tests.config.files import ENV, copy_good, errors

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "not-for-your-eyes"


class Choosy(BaseModel):
    """A region in the open, and a secret that must not be what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str
    api_key: SecretStr
    port: int = 1

    @model_validator(mode="after")
    def _is_elsewhere(self) -> Self:
        if self.region == "nowhere":
            message = "region must be somewhere"
            raise ValueError(message)
        return self


def loaded(folder: Path, credentials: str, **env: str) -> Loaded:
    config = copy_good(folder)
    text = config.read_text(encoding="utf-8")
    old = 'credentials: {api_key: "${KLING_API_KEY}"}'
    assert old in text
    text = text.replace(old, f"credentials: {credentials}")
    spare = '      - {name: spare, credentials: {api_key: "${KLING_SPARE_KEY}"}, slots: 1}\n'
    config.write_text(text.replace(spare, ""), encoding="utf-8")
    return load(config, env={**ENV, **env}, credential_models={"kling": Choosy}, now_s=NOW_S)


def complaints(folder: Path, credentials: str, **env: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        loaded(folder, credentials, **env)
    assert SECRET not in str(raised.value)
    prefix = "providers.kling.accounts[0].credentials"
    return [
        f"{one.path.removeprefix(prefix)}: {one.message}" for one in errors(raised.value.problems)
    ]


def test_what_is_not_secret_may_be_written_out(tmp_path: Path) -> None:
    found = loaded(tmp_path, '{region: eu, api_key: "${KEY}"}', KEY=SECRET)
    credentials = found.server.providers["kling"].accounts[0].credentials
    assert isinstance(credentials, Choosy)
    assert ("eu", SECRET) == (credentials.region, credentials.api_key.get_secret_value())
    assert SECRET not in repr(found)


def test_an_account_without_credentials_is_not_configured(tmp_path: Path) -> None:
    account = loaded(tmp_path, "{}").server.providers["kling"].accounts[0]
    assert (None, "it has no credentials") == (account.credentials, account.reason)


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ('{api_key: "${KEY}"}', ".region: is required and missing"),
        ('{region: nowhere, api_key: "${KEY}"}', ": region must be somewhere"),
        (
            '{region: eu, api_key: "${KEY}", port: "x"}',
            ".port: Input should be a valid integer, unable to parse string as an integer",
        ),
        (
            '{region: eu, api_key: "${UNSET}", zone: a}',
            ".zone: unknown key; allowed: api_key, port, region",
        ),
    ],
)
def test_mistakes_are_told_without_the_secret(
    credentials: str, expected: str, tmp_path: Path
) -> None:
    assert [expected] == complaints(tmp_path, credentials, KEY=SECRET)
