"""The demo's config.yaml: simulated providers only, and an engine quick enough to watch."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import yaml
from typing_extensions import override

from proxy.cli.demo.credentials import MadeCredentials, simulated_providers
from proxy.config.read import read_file

Settings = dict[str, object]

_HEADER = (
    "# Written by greenlight demo, which writes addresses and credentials anew at each start.\n"
)
_ADAPTER = {
    "poll": {"first": "300ms", "min": "200ms", "max": "500ms"},
    "timeouts": {"connect": "1s", "submit": "3s", "status": "5s", "download": "30s"},
    "give_up_after": "60s",
}
_DEFAULT: Settings = {
    "providers": {
        "kling": {"accounts": [{"name": "main", "slots": 20}], **_ADAPTER},
        "vertex": {"accounts": [{"name": "main", "slots": 10}], **_ADAPTER},
        "runway": {"accounts": [{"name": "main", "slots": 10}], **_ADAPTER},
        "openai": {"accounts": [{"name": "main", "slots": 10}], **_ADAPTER},
    },
    "unknown": {"look_up_after": ["500ms", "1s", "2s"], "then": "assume_charged"},
    "worker": {
        "lease": "3s",
        "tick": "50ms",
        "max_queue_wait": "30s",
        "throttle_wait": "300ms",
        "retry_wait": "200ms",
    },
}


# What follows the provider's name in its simulated base URL.
_PATHS: Mapping[str, str] = {"openai": "/v1"}


def default_settings() -> Settings:
    """Give what the demo runs with when nobody gave other settings."""
    return copy.deepcopy(_DEFAULT)


def read_settings(path: Path) -> Settings:
    """Read settings that somebody gave.

    Raises:
        click.ClickException: The file is no YAML mapping.
    """
    document = read_file(path, str(path))
    if document.problems:
        raise click.ClickException(document.problems[0].render())
    if not isinstance(document.data, dict):
        message = f"{path} is not a mapping"
        raise click.ClickException(message)
    return dict(document.data)


def adapt(
    given: Settings,
    *,
    listen: str,
    admin_listen: str,
    admin_tokens: Sequence[Mapping[str, str]],
    simulator_url: str,
    made: MadeCredentials,
) -> Settings:
    """Bend settings to the demo: its own addresses, store, artifacts and credentials.

    A provider that nobody simulates is left out, so that a demo never spends real money.
    """
    settings = {**given, "listen": listen, "policies": "./policies", "notify": []}
    settings["admin"] = {"listen": admin_listen, "tokens": [dict(token) for token in admin_tokens]}
    settings["store"] = _section(given, "store") | {
        "url": "redis+embedded://./store?fsync=everysec"
    }
    settings["artifacts"] = _section(given, "artifacts") | {"url": "file://./artifacts"}
    _section(settings, "artifacts").pop("link_secret", None)
    providers = _section(given, "providers") or _section(_DEFAULT, "providers")
    settings["providers"] = {
        name: _provider(name, providers[name], simulator_url, made)
        for name in simulated_providers()
        if name in providers
    }
    return settings


def write_settings(settings: Settings, path: Path) -> None:
    """Write config.yaml."""
    text = yaml.dump(settings, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=99)
    path.write_text(_HEADER + text, encoding="utf-8")


class _Dumper(yaml.SafeDumper):
    """Writes equal values out at each place: the configuration allows no anchors."""

    @override
    def ignore_aliases(self, data: object) -> bool:
        return True


def _provider(name: str, given: object, simulator_url: str, made: MadeCredentials) -> Settings:
    settings = dict(given) if isinstance(given, dict) else {}
    accounts = settings.get("accounts")
    return settings | {
        "base_url": f"{simulator_url}/{name}{_PATHS.get(name, '')}",
        "accounts": [
            {**account, "credentials": made.account(name, str(account.get("name", "main")))}
            for account in (accounts if isinstance(accounts, list) else [{"name": "main"}])
            if isinstance(account, dict)
        ],
    }


def _section(settings: Settings, name: str) -> Settings:
    found = settings.get(name)
    return found if isinstance(found, dict) else {}
