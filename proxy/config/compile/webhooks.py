"""The receivers of a team's own: where its videos are told, and what signs that."""

from collections.abc import Iterator
from typing import Final

from pydantic import SecretStr

from proxy.config.compile.references import References
from proxy.config.files import Files
from proxy.config.schema.policies import TeamSchema
from proxy.config.secrets import Secrets
from proxy.config.settings import TeamHooks, WebhookSettings
from proxy.domain.video_event import VideoEvent
from proxy.outgoing.url import Destination

_ALLOWED: Final = "https to a public host, or one of webhooks.origins in config.yaml"


def compile_webhooks(files: Files, secrets: Secrets) -> dict[str, TeamHooks]:
    """Follow the references of every team; reports what could never be sent to, or not signed."""
    server = files.server.value
    origins = tuple(server.webhooks.origins.values()) if server else ()
    return {
        team.value.team: _hooks(
            team.value, References(team, secrets), Destination(origins=origins)
        )
        for team in files.teams
        if team.value is not None
    }


def _hooks(team: TeamSchema, references: References, destination: Destination) -> TeamHooks:
    secret = team.webhook_secret
    return TeamHooks(
        webhooks=tuple(_webhooks(team, references, destination)),
        url_secrets=(
            () if secret is None else references.signing_secrets(("webhook_secret",), secret)
        ),
    )


def _webhooks(
    team: TeamSchema, references: References, destination: Destination
) -> Iterator[WebhookSettings]:
    seen: dict[str, int] = {}
    for index, section in team.webhooks.items():
        path = ("webhooks", index, "url")
        url = references.url(path, section.url, lambda _: destination, allowed=_ALLOWED)
        if url and url in seen:
            message = f"is the same as webhooks[{seen[url]}].url; allowed: one entry for each"
            references.checked.report(path, message)
        seen.setdefault(url, index)
        yield WebhookSettings(
            events=tuple(VideoEvent(event) for event in section.on.values()),
            url=SecretStr(url),
            secrets=references.signing_secrets(("webhooks", index, "secret"), section.secret),
        )
