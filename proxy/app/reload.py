"""Reads the configuration again: everything that can fail first, then one assignment."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.app.reading import read_config
from proxy.config.problem import ConfigError
from proxy.domain.events import ConfigReloaded
from proxy.gateway.live import Current
from proxy.http.admin.services import ConfigState

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.app.adapters import AdapterBuilder, Adapters
    from proxy.app.options import ServeOptions
    from proxy.config.load import Loaded
    from proxy.gateway.live import Live
    from proxy.gateway.ports.runtime import Clock, Observer

_LOGGER = logging.getLogger("greenlight.config")


class Reload:
    """Puts an edited configuration in force, or keeps the last good one and says why."""

    def __init__(
        self,
        options: ServeOptions,
        live: Live,
        *,
        builder: AdapterBuilder,
        clock: Clock,
        observer: Observer,
        applied: Callable[[Loaded], None],
        loaded: Loaded,
    ) -> None:
        self._options = options
        self._live = live
        self._builder = builder
        self._clock = clock
        self._observer = observer
        self._applied = applied
        self._one_at_a_time = asyncio.Lock()
        self._state = self._taken(loaded)

    def state(self) -> ConfigState:
        """What is in force, and what became of the last edit."""
        return self._state

    async def run(self) -> bool:
        """Reload once; says whether the new configuration took effect."""
        async with self._one_at_a_time:
            try:
                loaded, adapters = await asyncio.to_thread(self._build)
            except ConfigError as error:
                self._refuse([problem.render() for problem in error.errors])
                return False
            except (OSError, ValueError) as error:
                self._refuse([str(error)])
                return False
            self._live.replace(Current(snapshot=loaded.snapshot, providers=adapters))
            self._applied(loaded)
            self._state = self._taken(loaded)
            self._observer.observe(ConfigReloaded(digest=loaded.digest, problems=0))
            return True

    def _taken(self, loaded: Loaded) -> ConfigState:
        return ConfigState(
            process=os.getpid(),
            digest=loaded.digest,
            loaded_ms=self._now_ms(),
            warnings=tuple(problem.render() for problem in loaded.problems),
        )

    def _now_ms(self) -> int:
        return int(self._clock.now_s() * 1000)

    def _build(self) -> tuple[Loaded, Adapters]:
        """Everything that reads files or imports an adapter: not for the event loop."""
        loaded = read_config(self._options, self._clock.now_s())
        return loaded, self._builder.build(loaded.server)

    def _refuse(self, problems: list[str]) -> None:
        self._state = replace(self._state, problems=tuple(problems), refused_ms=self._now_ms())
        for problem in problems:
            _LOGGER.error("the edited configuration is not used: %s", problem)
        digest = self._live.snapshot.digest
        self._observer.observe(ConfigReloaded(digest=digest, problems=len(problems)))
