"""Credentials of provider accounts: references followed, checked by the adapter's own model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from proxy.config.compile.references import References
from proxy.config.document import Path
from proxy.config.schema.server import AccountSection, ServerSchema
from proxy.config.secrets import Secrets, SecretUnsetError, has_reference
from proxy.config.settings import AccountSettings
from proxy.config.validate import Checked, kinds

_PLACEHOLDER: Final = "unset"
"""Stands for an unset secret, so that the other values are still checked."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Reads credentials; `models` holds one model for each provider that has an adapter."""

    server: Checked[ServerSchema]
    secrets: Secrets
    models: Mapping[str, type[BaseModel]]

    def read(self, provider: str, index: int, account: AccountSection) -> AccountSettings:
        """Read one account; unset secrets make it "not configured", mistakes are reported."""
        path: Path = ("providers", provider, "accounts", index, "credentials")
        model = self.models.get(provider)
        self._refuse_inline(path, account.credentials, model)
        if model is None:
            return _not_configured(account, f"this version has no adapter for {provider} yet")
        if not account.credentials:
            return _not_configured(account, "it has no credentials")
        values, unset = self._follow(account.credentials)
        credentials = self._check(path, model, values, unset)
        if unset:
            return _not_configured(account, next(iter(unset.values())))
        if credentials is None:
            return _not_configured(account, "its credentials are faulty")
        return AccountSettings(name=account.name, credentials=credentials, reason=None)

    @property
    def references(self) -> References:
        """The references of config.yaml beside those of credentials."""
        return References(self.server, self.secrets)

    def _refuse_inline(
        self, path: Path, written: Mapping[str, str], model: type[BaseModel] | None
    ) -> None:
        for key, text in written.items():
            if _is_secret(model, key) and not has_reference(text):
                message = "a secret must not be written out; allowed: ${VARIABLE} or file:/path"
                self.server.report((*path, key), message)

    def _follow(self, written: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Replace references; also returns key → why it is unset."""
        values: dict[str, str] = {}
        unset: dict[str, str] = {}
        for key, text in written.items():
            try:
                values[key] = self.secrets.resolve(text)
            except SecretUnsetError as error:
                values[key] = _PLACEHOLDER
                unset[key] = str(error)
        return values, unset

    def _check(
        self,
        path: Path,
        model: type[BaseModel],
        values: Mapping[str, str],
        unset: Mapping[str, str],
    ) -> BaseModel | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                is_key = details["type"] == "extra_forbidden"
                if is_key or not unset.keys() & set(details["loc"][:1]):
                    below = (*path, *details["loc"])
                    self.server.report(below, _words(details, model), at_key=is_key)
            return None


def _not_configured(account: AccountSection, reason: str) -> AccountSettings:
    return AccountSettings(name=account.name, credentials=None, reason=reason)


def _is_secret(model: type[BaseModel] | None, key: str) -> bool:
    """Say whether a value is secret; without an adapter's model, every one is."""
    if model is None:
        return True
    field = model.model_fields.get(key)
    return field is not None and any(
        kind in (SecretStr, SecretBytes) for kind in kinds(field.annotation)
    )


def _words(details: ErrorDetails, model: type[BaseModel]) -> str:
    if details["type"] == "extra_forbidden":
        return f"unknown key; allowed: {', '.join(sorted(model.model_fields))}"
    if details["type"] == "missing":
        return "is required and missing"
    reason = details.get("ctx", {}).get("error")
    return details["msg"] if reason is None else str(reason)
