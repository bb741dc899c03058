"""Child processes that say in one line of JSON where they listen, and that never outlive us."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

import proxy
from proxy.store.pdeathsig import dies_with

_START_S = 30.0
_STOP_S = 30.0
_LOOK_S = 0.02
_LOG_TAIL_BYTES = 2000

Announced = dict[str, str]


@dataclass(frozen=True, slots=True)
class Child:
    """A running command of ours. What it says lies in files: nobody has to drain a pipe."""

    name: str
    process: subprocess.Popen[bytes]
    output: Path
    log: Path

    def has_ended(self) -> bool:
        """Say whether the process is gone."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ask the process to end, and end it when it does not."""
        if self.has_ended():
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def announced(self, name: str) -> Announced:
        """Wait for the line of JSON that has a field of this name: where the child listens.

        Raises:
            click.ClickException: It ended or stayed silent; the end of its log is in the text.
        """
        deadline = time.monotonic() + _START_S
        while (found := _line_with(self.output, name)) is None:
            if self.has_ended():
                raise click.ClickException(self.last_word(f"ended ({self.process.returncode})"))
            if time.monotonic() > deadline:
                self.stop()
                raise click.ClickException(self.last_word(f"was not up after {_START_S:.0f} s"))
            time.sleep(_LOOK_S)
        return found

    def last_word(self, what: str) -> str:
        """Say what became of the child, with the last line of its log."""
        content = self.log.read_bytes()[-_LOG_TAIL_BYTES:] if self.log.exists() else b""
        lines = content.decode(errors="replace").strip().splitlines()
        return f"{self.name} {what}: {lines[-1] if lines else 'its log is empty'} ({self.log})"


def start(name: str, arguments: Sequence[str], logs: Path) -> Child:
    """Start one of our own commands, with its output and its log in a folder."""
    home = str(Path(proxy.__file__).resolve().parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    output, log = logs / f"{name}.out", logs / f"{name}.log"
    with output.open("wb") as said, log.open("ab") as errors:
        process = subprocess.Popen(  # noqa: S603  our own command line
            [sys.executable, "-P", "-m", "proxy", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            # Its own group: Ctrl-C reaches us alone, and we end the children in order.
            process_group=0,
            # SIGKILL: whoever kills us leaves no time for more, and the store loses nothing by it.
            preexec_fn=dies_with(os.getpid(), signal.SIGKILL),  # noqa: PLW1509  we have no threads
        )
    return Child(name, process, output, log)


def _line_with(output: Path, name: str) -> Announced | None:
    for line in output.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n") and line.startswith(b"{") and f'"{name}"'.encode() in line:
            fields = json.loads(line)
            return {str(key): str(value) for key, value in fields.items()}
    return None
