"""The way into this package: files in, one checked immutable snapshot out."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from proxy.config.check.catalog import Spoken, check_catalog
from proxy.config.check.dates import check_dates, check_service
from proxy.config.check.names import Names
from proxy.config.check.routing import check_routing
from proxy.config.check.server import check_server
from proxy.config.check.teams import check_teams
from proxy.config.compile.catalog import compile_models, compile_offer
from proxy.config.compile.credentials import Credentials
from proxy.config.compile.limits import compile_bucket
from proxy.config.compile.server import (
    ServerCompiler,
    compile_admin_tokens,
    compile_engine,
    compile_outage,
    compile_providers,
)
from proxy.config.compile.teams import (
    compile_keys,
    compile_organisation,
    compile_routing,
    compile_team,
)
from proxy.config.compile.webhooks import compile_webhooks
from proxy.config.files import Files, read_files
from proxy.config.problem import ConfigError, Problem
from proxy.config.secrets import Secrets
from proxy.config.settings import ServerSettings
from proxy.config.validate import whole
from proxy.domain.policy import Snapshot

PROVIDERS: Final = ("kling", "openai", "runway", "vertex")
_DIGEST_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A usable configuration.

    `problems` are what is worth saying about it all the same, sorted: warnings, and as errors what
    is wrong only because a date has passed. `check` fails on the latter, serving goes on.
    `policies` is the folder they were read from.
    """

    snapshot: Snapshot
    server: ServerSettings
    problems: tuple[Problem, ...]
    policies: Path

    @property
    def digest(self) -> str:
        """Name of this configuration: equal files, equal digest."""
        return self.snapshot.digest


def load(
    config_path: Path,
    *,
    policies_path: Path | None = None,
    env: Mapping[str, str],
    credential_models: Mapping[str, type[BaseModel]],
    now_s: float,
    known_providers: Collection[str] = PROVIDERS,
    spoken: Mapping[str, Spoken] | None = None,
) -> Loaded:
    """Read, check and compile a configuration.

    Args:
        config_path: config.yaml; relative paths and secret files start from its folder.
        policies_path: the policies folder; None takes the one that config.yaml names.
        env: where `${NAME}` leads.
        credential_models: for each provider with an adapter, the model of its credentials; the
            accounts of other providers are "not configured".
        now_s: Unix seconds, to tell which dates have passed.
        known_providers: providers that offers may name although config.yaml does not.
        spoken: for each provider, what its adapter does with finished videos; None: unchecked.

    Raises:
        ConfigError: The configuration can't be used; holds every reason and every warning.
    """
    today = datetime.fromtimestamp(now_s, UTC).date()
    files = read_files(config_path, policies_path)
    names = Names.of(files, known_providers)
    check_server(files)
    if files.have_all_names:
        check_catalog(files, names, spoken)
        check_routing(files, names)
        check_teams(files, names)
    later = [
        *check_service(files, today),
        *check_dates(files, today),
    ]
    secrets = Secrets(env, config_path.parent)
    compiler = ServerCompiler(Credentials(files.server, secrets, credential_models))
    server = None if files.server.value is None else compiler.compile(files.server.value)
    hooks = compile_webhooks(files, secrets)
    problems = files.all_problems()
    if problems or server is None:
        raise ConfigError([*problems, *later])
    server = replace(server, team_hooks=MappingProxyType(hooks))
    snapshot, told = _snapshot(files, server, config_path), tuple(sorted(later))
    return Loaded(snapshot=snapshot, server=server, problems=told, policies=files.folder)


def _snapshot(files: Files, server: ServerSettings, config_path: Path) -> Snapshot:
    """Compile files that have no problem."""
    config, organisation = whole(files.server), whole(files.organisation)
    catalogs = [whole(catalog) for catalog in files.catalogs]
    teams = [whole(team) for team in files.teams]
    models = compile_models(catalogs)
    compiled = [compile_team(team, organisation, server.team_hooks[team.team]) for team in teams]
    keys = [key for team in teams for key in compile_keys(team, organisation)]
    return Snapshot(
        digest=_digest(files, config_path),
        organisation_budgets=compile_organisation(organisation),
        teams=MappingProxyType({team.id: team for team in compiled}),
        keys=MappingProxyType({key.id: key for key in keys}),
        admin_tokens=MappingProxyType(compile_admin_tokens(config)),
        policies=MappingProxyType(compile_routing(whole(files.routing))),
        models=MappingProxyType(models),
        aliases=MappingProxyType(
            {alias: model.name for model in models.values() for alias in model.aliases}
        ),
        offers=tuple(
            compile_offer(offer) for catalog in catalogs for offer in catalog.offers.values()
        ),
        providers=MappingProxyType(compile_providers(config, server)),
        engine=compile_engine(config),
        artifact_bytes_max=config.artifacts.max_bytes,
        public_url=server.public_url,
        admin_limit=compile_bucket(config.admin.limit),
        outage=compile_outage(config),
    )


def _digest(files: Files, config_path: Path) -> str:
    """Hash the content of every file, in reading order; where they lie does not matter."""
    total = hashlib.sha256()
    for document in files.documents():
        name = "config" if document.file == str(config_path) else Path(document.file).name
        total.update(f"{name} {document.sha256}\n".encode())
    return total.hexdigest()[:_DIGEST_LENGTH]
