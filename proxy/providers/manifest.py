"""What a provider's folder offers to the composition root, and what each adapter is built from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.domain.source import Verb, Way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from proxy.gateway.ports.provider import VideoProvider
    from proxy.gateway.ports.runtime import Clock
    from proxy.outgoing.session import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """How one provider is spoken to. Times are limits of one call; `connect_s` is part of each.

    `base_url` None takes the adapter's own. `output_hosts` are further hosts, and all below them,
    that videos may be fetched from. `callback_url` is where the account is asked to send its
    callbacks (None: it is not asked to). `answer_bytes_max` bounds every JSON answer without
    the video inside it, `inline_bytes_max` the Base64 text of such a video; `spool_dir` is where
    that text waits to be decoded (None: the system's temporary folder).
    """

    base_url: str | None = None
    output_hosts: tuple[str, ...] = ()
    callback_url: str | None = None
    connect_s: float = 5.0
    submit_s: float = 30.0
    status_s: float = 15.0
    download_s: float = 300.0
    answer_bytes_max: int = 2**20
    inline_bytes_max: int = 2**29
    spool_dir: Path | None = None


class CallbackUse(StrEnum):
    """How a provider comes to know where its callbacks go."""

    NONE = "none"
    PER_SUBMIT = "per submit"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderManifest:
    """One entry of the provider table.

    `build` makes the adapter of one account from a validated `credentials_model`; it opens no
    connection and raises nothing.
    `default_base_url` may name fields of the credentials in braces. `verbs` is what the adapter
    does with finished videos, and in which ways it can be given them.
    """

    name: str
    credentials_model: type[BaseModel]
    default_base_url: str
    build: Callable[[BaseModel, ProviderSettings, Sessions, Clock], VideoProvider]
    callbacks: CallbackUse = CallbackUse.NONE
    verbs: Mapping[Verb, tuple[Way, ...]] = field(default_factory=dict)
