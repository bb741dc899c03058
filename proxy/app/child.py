"""One of several processes that share a listener and a store: `python -m proxy.app.child`."""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from proxy.app.options import Doors, Role, ServeOptions
from proxy.app.process import run
from proxy.app.reading import read_config
from proxy.app.stopping import STORE, Stop
from proxy.app.store import open_store
from proxy.config.problem import ConfigError
from proxy.domain.errors import StoreUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a supervisor asks of a child, as one argument of JSON.

    `public_fd` is the shared listening socket, None where the team API is not served; `control` is
    the path of the unix socket on which the child answers its supervisor, `siblings` are how many
    children it has.
    """

    config: str
    policies: str | None
    role: str
    store_url: str
    public_fd: int | None
    control: str
    siblings: int

    def to_json(self) -> str:
        """The order as its own argument."""
        return json.dumps(asdict(self))


def main(argument: str) -> int:
    """Do as ordered until told to stop; returns the exit code."""
    order = Order(**json.loads(argument))
    policies = Path(order.policies) if order.policies is not None else None
    options = ServeOptions(
        config=Path(order.config),
        policies=policies,
        role=Role(order.role),
        siblings=order.siblings,
    )
    try:
        loaded = read_config(options, time.time())  # noqa: TID251 - before there is a clock
    except ConfigError as error:
        for problem in error.problems:
            sys.stderr.write(problem.render() + "\n")
        return 1
    public = None if order.public_fd is None else socket.socket(fileno=order.public_fd)
    doors = Doors(public=public, admin=Path(order.control))
    with (
        Stop(loaded.server.stop_within_s) as stop,
        open_store(order.store_url, stop_s=stop.share_s(STORE)) as store,
    ):
        try:
            return uvloop.run(run(options, loaded, store, doors, stop=stop))
        except StoreUnavailable as error:
            sys.stderr.write(f"{error.message}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
