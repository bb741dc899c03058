"""The way in: read the configuration, start the store, and only then import the rest."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from proxy.app.options import Doors
from proxy.app.reading import read_config
from proxy.app.stopping import STORE, Stop
from proxy.app.store import open_store
from proxy.config.problem import ConfigError
from proxy.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from proxy.app.options import ServeOptions
    from proxy.app.store import OpenStore
    from proxy.config.load import Loaded


def serve(options: ServeOptions) -> int:
    """Serve until told to stop; returns the exit code, 1 when the configuration cannot be used.

    Raises:
        OSError: an address, a folder or the store's program cannot be used.
    """
    try:
        loaded = read_config(options, time.time())  # noqa: TID251 - before there is a clock
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(problem.render() + "\n")
        return 1
    with (
        Stop(loaded.server.stop_within_s) as stop,
        open_store(loaded.server.store.url, stop_s=stop.share_s(STORE)) as store,
    ):
        # The store's child comes up while these are imported.
        import uvloop  # noqa: PLC0415

        try:
            return uvloop.run(_main(options, loaded, store, stop))
        except StoreUnavailable as error:
            sys.stderr.write(f"{error.message}\n")
            return 1


def _main(
    options: ServeOptions, loaded: Loaded, store: OpenStore, stop: Stop
) -> Coroutine[None, None, int]:
    if options.workers > 1:
        from proxy.app.supervisor import supervise  # noqa: PLC0415

        return supervise(options, loaded, store, stop)
    from proxy.app.process import run  # noqa: PLC0415

    public = loaded.server.listen if options.role.serves else None
    doors = Doors(public=public, admin=loaded.server.admin_listen)
    return run(options, loaded, store, doors, stop=stop)
