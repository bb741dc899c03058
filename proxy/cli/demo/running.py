"""Runs a demo's two processes, and brings the proxy back when it is killed."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

import click

from proxy.cli.demo.child import Child, start
from proxy.cli.demo.state import HOST, State

_LOOK_S = 0.2
_PAUSE_S = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Running:
    """A demo whose processes were started; its addresses are known after `wait`."""

    state: State
    simulator: Child
    server: Child
    base_url: str = ""
    admin_url: str = ""
    simulator_url: str = ""

    def wait(self) -> None:
        """Wait until both processes answer.

        Raises:
            click.ClickException: One of them does not come up.
        """
        self.simulator_url = self.simulator.announced("simulator_url")["simulator_url"]
        said = self.server.announced("base_url")
        self.base_url, self.admin_url = said["base_url"], said["admin_url"]

    def facts(self) -> dict[str, str]:
        """Say all that somebody needs to use the demo."""
        return {
            "base_url": self.base_url,
            "api_key": self.state.notes.api_key,
            "admin_url": self.admin_url,
            "admin_token": self.state.notes.admin_token,
            "finance_token": self.state.notes.finance_token,
            "metrics_url": f"{self.admin_url}/metrics",
            "simulator_url": self.simulator_url,
            "state_dir": str(self.state.folder),
        }

    def stop_server(self) -> None:
        """End the proxy that runs now."""
        self.server.stop()

    def keep(self) -> NoReturn:
        """Watch the processes until Ctrl-C or SIGTERM; a proxy that died is started again.

        Raises:
            KeyboardInterrupt: Somebody wants the demo to end.
            click.ClickException: The simulated providers died, and with them what they had sold.
        """
        while True:
            time.sleep(_LOOK_S)
            if self.simulator.has_ended():
                raise click.ClickException(self.simulator.last_word("ended"))
            if self.server.has_ended():
                code = self.server.process.returncode
                told = f"the proxy ended ({code}) and is started again; {self.server.log}"
                click.echo(told, err=True)
                time.sleep(_PAUSE_S)
                self.server = _serve(self.state)
                self.server.announced("base_url")


@contextmanager
def running(state: State) -> Iterator[Running]:
    """Start a demo's processes, and end them in order when the context is left."""
    with _signals_restored(), ExitStack() as stack:
        for number in _SIGNALS:
            signal.signal(number, _interrupt)
        simulator = _simulate(state)
        stack.callback(simulator.stop)
        demo = Running(state, simulator, _serve(state))
        # The proxy ends before the providers: it may still have something to ask.
        stack.callback(demo.stop_server)
        stack.callback(_ignore_signals)
        yield demo


def _simulate(state: State) -> Child:
    port = str(state.notes.simulator_port)
    credentials = str(state.credentials)
    arguments = ["simulate", "--host", HOST, "--port", port, "--credentials", credentials]
    return start("simulator", [*arguments, "--json"], state.logs)


def _serve(state: State) -> Child:
    return start("proxy", ["serve", "--config", str(state.config), "--json"], state.logs)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ignore_signals() -> None:
    """Let nothing interrupt the end: whoever is impatient can still send SIGKILL."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _signals_restored() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
