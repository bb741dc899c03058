"""What config.yaml says about the server itself; what routing needs of it is in the snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, SecretStr

from proxy.domain.notice import NoticeKind
from proxy.domain.video_event import VideoEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a listener binds; port 0 lets the system choose."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The store. The URL may hold a password; an embedded store's path is absolute."""

    url: str = field(repr=False)
    connect_timeout_s: float
    socket_timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSettings:
    """The artifact store; a `file://` URL's path is absolute. `link_secret` None: make one."""

    url: str
    link_secret: SecretStr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUrlSettings:
    """Pictures that callers name by URL; `origins` ("https://host:port") may be private ones."""

    origins: tuple[str, ...]
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutSettings:
    """How long one call to a provider may take, in seconds."""

    connect_s: float
    submit_s: float
    status_s: float
    download_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One provider account; `credentials` is the adapter's own model, None if not configured."""

    name: str
    credentials: BaseModel | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """What an adapter is built from; `base_url` None means the adapter's own.

    `output_hosts` are further hosts, and all below them, that its videos may be fetched from.
    """

    name: str
    base_url: str | None
    output_hosts: tuple[str, ...]
    accounts: tuple[AccountSettings, ...]
    timeouts: TimeoutSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """One receiver of notices.

    `secrets`, each `whsec_` and Base64, all sign. `is_private`: it may be anywhere, also in our
    own network, and by plain http.
    """

    kinds: tuple[NoticeKind, ...]
    url: SecretStr
    secrets: tuple[SecretStr, ...]
    is_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """One receiver of a team's own, told of its videos' ends. `secrets` all sign."""

    events: tuple[VideoEvent, ...]
    url: SecretStr
    secrets: tuple[SecretStr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamHooks:
    """A team's receivers; `url_secrets` sign for the `webhook_url` of its creates."""

    webhooks: tuple[WebhookSettings, ...] = ()
    url_secrets: tuple[SecretStr, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The server's own settings, with every default filled in.

    `public_url`, without a slash at its end, is where callers reach the server; None: where each
    request came to. `callbacks_url`, likewise, is where providers do; None: they are asked for no
    callbacks. `stop_within_s` is how long a process may take to stop, whatever others do.
    `team_hooks`, by team, may also lead to `webhook_origins` ("https://host:port").
    """

    listen: Address
    public_url: str | None
    stop_within_s: float
    admin_listen: Address
    store: StoreSettings
    artifacts: ArtifactSettings
    image_urls: ImageUrlSettings
    callbacks_url: str | None
    tracing_endpoint: str | None
    providers: Mapping[str, ProviderSettings]
    notify: tuple[NotifySettings, ...]
    webhook_origins: tuple[str, ...] = ()
    team_hooks: Mapping[str, TeamHooks] = field(default_factory=dict)
