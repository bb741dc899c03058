"""config.yaml as the server's settings, and as what routing and the worker need of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from proxy.config.compile.credentials import Credentials
from proxy.config.compile.limits import compile_bucket, seconds
from proxy.config.compile.notify import Receivers
from proxy.config.document import Path
from proxy.config.schema.server import ProviderSection, ServerSchema
from proxy.config.secrets import has_reference
from proxy.config.settings import (
    Address,
    ArtifactSettings,
    ImageUrlSettings,
    ProviderSettings,
    ServerSettings,
    StoreSettings,
    TimeoutSettings,
)
from proxy.domain.breaker import BreakerRules
from proxy.domain.engine import Engine
from proxy.domain.ids import ProviderName
from proxy.domain.orphan_rule import OrphanTimes
from proxy.domain.outage import Outage
from proxy.domain.policy import Account, AdminToken, PollTimes, Provider

_STORES: Final = ("redis+embedded", "redis", "rediss", "unix")
_ARTIFACTS: Final = ("file", "s3", "gs", "az")
_LOCAL: Final = frozenset({"redis+embedded", "file", "unix"})
_URL: Final = re.compile(r"([a-z][a-z0-9+]*):(?://)?(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServerCompiler:
    """Turns a checked config.yaml into settings; reports what following references shows."""

    credentials: Credentials

    def compile(self, server: ServerSchema) -> ServerSettings:
        """Follow every reference and fill in the settings."""
        return ServerSettings(
            listen=_address(server.listen),
            public_url=_without_slash(server.public_url),
            stop_within_s=seconds(server.stop_within),
            admin_listen=_address(server.admin.listen),
            store=StoreSettings(
                url=self._url(("store", "url"), server.store.url, _STORES),
                connect_timeout_s=seconds(server.store.connect_timeout),
                socket_timeout_s=seconds(server.store.socket_timeout),
            ),
            artifacts=ArtifactSettings(
                url=self._url(("artifacts", "url"), server.artifacts.url, _ARTIFACTS),
                link_secret=self._link_secret(server),
            ),
            image_urls=ImageUrlSettings(
                origins=tuple(server.image_urls.origins.values()),
                timeout_s=seconds(server.image_urls.timeout),
            ),
            callbacks_url=_without_slash(server.callbacks.base_url),
            tracing_endpoint=server.tracing.endpoint,
            providers={
                name: self._provider(name, provider) for name, provider in server.providers.items()
            },
            notify=tuple(Receivers(self.credentials.references).compile(server.notify)),
            webhook_origins=tuple(server.webhooks.origins.values()),
        )

    def _provider(self, name: str, provider: ProviderSection) -> ProviderSettings:
        return ProviderSettings(
            name=name,
            base_url=provider.base_url,
            output_hosts=tuple(provider.output_hosts.values()),
            accounts=tuple(
                self.credentials.read(name, index, account)
                for index, account in provider.accounts.items()
            ),
            timeouts=TimeoutSettings(
                connect_s=seconds(provider.timeouts.connect),
                submit_s=seconds(provider.timeouts.submit),
                status_s=seconds(provider.timeouts.status),
                download_s=seconds(provider.timeouts.download),
            ),
        )

    def _link_secret(self, server: ServerSchema) -> SecretStr | None:
        written = server.artifacts.link_secret
        return (
            None
            if written is None
            else self.credentials.references.secret(("artifacts", "link_secret"), written)
        )

    def _url(self, path: Path, written: str, schemes: tuple[str, ...]) -> str:
        """Check a store's URL and make a local path absolute."""
        if not written.startswith("file:"):
            self._refuse_password(path, written)
            written = self.credentials.references.follow(path, written)
        found = _URL.fullmatch(written)
        if found is None or found[1] not in schemes:
            allowed = ", ".join(f"{scheme}://" for scheme in schemes)
            self.credentials.server.report(path, f"is not a usable URL; allowed: {allowed}...")
            return ""
        if found[1] not in _LOCAL:
            return written
        place, mark, options = found[2].partition("?")
        folder = self.credentials.secrets.folder.absolute()
        return f"{found[1]}://{folder / place}{mark}{options}"

    def _refuse_password(self, path: Path, written: str) -> None:
        user = urlsplit(written.replace("${", "").replace("}", "")).netloc.rpartition("@")[0]
        password = written.partition("://")[2].partition("@")[0].partition(":")[2]
        if user and password and not has_reference(password):
            message = "a password must not be written out; allowed: ${VARIABLE} in its place"
            self.credentials.server.report(path, message)


def _without_slash(url: str | None) -> str | None:
    return None if url is None else url.rstrip("/")


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host=host.strip("[]"), port=int(port))


def _breaker(server: ServerSchema) -> BreakerRules:
    breaker = server.breaker
    return BreakerRules(
        failures=breaker.failures,
        ratio_percent=breaker.ratio,
        ratio_of_at_least=breaker.ratio_of_at_least,
        window_ms=breaker.window,
        open_min_ms=breaker.open_min,
        open_max_ms=breaker.open_max,
    )


def compile_providers(
    server: ServerSchema, settings: ServerSettings
) -> dict[ProviderName, Provider]:
    """Build routing's view of the providers: what is configured, and how they are polled."""
    return {
        ProviderName(name): _routing_view(name, section, settings.providers)
        for name, section in server.providers.items()
    }


def _routing_view(
    name: str, section: ProviderSection, settings: Mapping[str, ProviderSettings]
) -> Provider:
    accounts = zip(section.accounts.values(), settings[name].accounts, strict=True)
    return Provider(
        name=ProviderName(name),
        accounts=tuple(
            Account(
                name=written.name,
                is_configured=account.credentials is not None,
                reason=account.reason,
                slots=written.slots,
                submit=None if written.submit is None else compile_bucket(written.submit),
                orphans=written.orphans,
            )
            for written, account in accounts
        ),
        poll=PollTimes(
            first_s=seconds(section.poll.first),
            min_s=seconds(section.poll.min),
            max_s=seconds(section.poll.max),
        ),
        give_up_after_s=seconds(section.give_up_after),
        submit_timeout_s=seconds(section.timeouts.submit),
    )


def compile_engine(server: ServerSchema) -> Engine:
    """Collect the durations and bounds of the worker."""
    worker = server.worker
    return Engine(
        lease_s=seconds(worker.lease),
        tick_s=seconds(worker.tick),
        concurrency=worker.concurrency,
        account_concurrency=worker.account_concurrency,
        max_attempts=worker.max_attempts,
        max_queue_wait_s=seconds(worker.max_queue_wait),
        upkeep_every_s=seconds(worker.upkeep_every),
        alert_every_s=seconds(worker.alert_every),
        notify_after_s=tuple(seconds(pause) for pause in worker.notify_after.values()),
        notify_timeout_s=seconds(worker.notify_timeout),
        archive_after_s=seconds(worker.archive_after),
        throttle_wait_s=seconds(worker.throttle_wait),
        retry_wait_s=seconds(worker.retry_wait),
        status_retries=worker.status_retries,
        download_retries=worker.download_retries,
        look_up_after_s=tuple(seconds(delay) for delay in server.unknown.look_up_after.values()),
        unknown_then=server.unknown.then,
        breaker=_breaker(server),
        breaker_mode=server.breaker.mode,
        breaker_cache_s=seconds(server.breaker.cache),
        decisions_kept=server.decisions.keep,
        verify_every_s=seconds(worker.verify_every),
        orphans=OrphanTimes(
            every_s=seconds(server.orphans.every),
            grace_s=seconds(server.orphans.grace),
            back_s=seconds(server.orphans.back),
        ),
    )


def compile_outage(server: ServerSchema) -> Outage:
    """Collect what is still answered without the store."""
    outage = server.outage
    return Outage(
        replicas=outage.replicas,
        remember=outage.remember,
        remember_for_s=seconds(outage.remember_for),
    )


def compile_admin_tokens(server: ServerSchema) -> dict[str, AdminToken]:
    """Collect the admin tokens by id."""
    return {
        token.id: AdminToken(id=token.id, name=token.name, role=token.role, sha256=token.sha256)
        for token in server.admin.tokens.values()
    }
