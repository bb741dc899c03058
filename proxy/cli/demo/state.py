"""The demo's folder: keys, settings and policies, the same again when the demo starts again."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

import click

from proxy.cli.demo.credentials import MadeCredentials
from proxy.cli.demo.settings import (
    adapt,
    default_settings,
    read_settings,
    write_settings,
)
from proxy.cli.insertion import InsertionError, add_entry
from proxy.cli.new_key import ADMIN_TOKEN, API_KEY, NewKey, new_key
from proxy.config.files import read_files

HOST = "127.0.0.1"
_NOTES = "demo.json"


QUIET_PORTS = range(20_000, 32_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """What a demo remembers between two runs; `demo.json` in its folder."""

    api_key: str
    admin_token: str
    finance_token: str
    port: int
    admin_port: int
    simulator_port: int


@dataclass(frozen=True, slots=True)
class State:
    """One demo's folder, ready to run; `notes` has its keys and ports."""

    folder: Path
    notes: Notes

    @property
    def config(self) -> Path:
        """The server's settings."""
        return self.folder / "config.yaml"

    @property
    def policies(self) -> Path:
        """The demo's own copy of the policies."""
        return self.folder / "policies"

    @property
    def logs(self) -> Path:
        """Where the processes of the demo write."""
        return self.folder / "logs"

    @property
    def credentials(self) -> Path:
        """What the simulated providers accept."""
        return self.folder / "secrets" / "simulator.json"


@contextmanager
def opened(folder: Path | None) -> Iterator[Path]:
    """Hold a demo's folder (None: a new temporary one) for this process alone.

    Raises:
        click.ClickException: It is in use, or holds something else.
    """
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="greenlight-demo-"))
    folder = folder.absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_foreign = any(folder.iterdir()) and not (folder / _NOTES).exists()
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        message = f"{folder} can't be used: {error.strerror}"
        raise click.ClickException(message) from error
    try:
        if is_foreign:
            message = (
                f"{folder} holds other files; give an empty folder, or one of an earlier demo"
            )
            raise click.ClickException(message)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.chmod(0o700)
        yield folder
    except BlockingIOError as error:
        message = f"{folder} is in use by another demo"
        raise click.ClickException(message) from error
    finally:
        os.close(lock)


def prepare(
    folder: Path, *, port: int | None, config: Path | None, policies: Path | None
) -> State:
    """Write everything a demo needs into its folder; what an earlier run left there is kept.

    Raises:
        click.ClickException: The given settings or policies can't be used, or the port is taken.
    """
    state = State(folder, _notes(folder, port))
    state.logs.mkdir(exist_ok=True)
    given = read_settings(config) if config else None
    if policies or not state.policies.exists():
        _copy(policies or _policies_of(config, given), state.policies)
    if given is None:
        given = read_settings(state.config) if state.config.exists() else default_settings()
    made = MadeCredentials(folder / "secrets")
    made.folder.mkdir(exist_ok=True)
    tokens = [
        {"id": token.id, "name": f"demo-{role}", "role": role, "sha256": token.sha256}
        for role, token in (
            ("operator", _parsed(state.notes.admin_token)),
            ("finance", _parsed(state.notes.finance_token)),
        )
    ]
    settings = adapt(
        given,
        listen=f"{HOST}:{state.notes.port}",
        admin_listen=f"{HOST}:{state.notes.admin_port}",
        admin_tokens=tokens,
        simulator_url=f"http://{HOST}:{state.notes.simulator_port}",
        made=made,
    )
    write_settings(settings, state.config)
    made.write_accepted()
    _add_key(state, _parsed(state.notes.api_key))
    return state


def _notes(folder: Path, port: int | None) -> Notes:
    path = folder / _NOTES
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    ports = [known.get(name, 0) for name in ("port", "admin_port", "simulator_port")]
    with _free_ports(ports, port) as chosen:
        notes = Notes(
            api_key=known.get("api_key") or _drawn(API_KEY),
            admin_token=known.get("admin_token") or _drawn(ADMIN_TOKEN),
            finance_token=known.get("finance_token") or _drawn(ADMIN_TOKEN),
            port=chosen[0],
            admin_port=chosen[1],
            simulator_port=chosen[2],
        )
    path.write_text(json.dumps(asdict(notes), indent=1), encoding="utf-8")
    return notes


def _drawn(kind: str) -> str:
    return new_key(kind, secrets.token_bytes).printed


@contextmanager
def _free_ports(wanted: list[int], first: int | None) -> Iterator[list[int]]:
    """Choose ports, the wanted ones where they are free; `first` replaces the first, or fails."""
    held: list[socket.socket] = []
    try:
        for number, port in enumerate(wanted):
            is_fixed = number == 0 and first is not None
            held.append(_bound(first if is_fixed and first else port, is_fixed=is_fixed))
        yield [taken.getsockname()[1] for taken in held]
    finally:
        for taken in held:
            taken.close()


def _bound(port: int, *, is_fixed: bool) -> socket.socket:
    """Bind a port, any free one if that is taken or 0 and not fixed.

    Any is one below those that systems hand out by themselves: until the demo's own process
    binds it, nobody else gets it by chance.
    """
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port or secrets.choice(QUIET_PORTS)))
    except OSError as error:
        taken.close()
        if is_fixed:
            message = f"port {port} is taken: {error.strerror}"
            raise click.ClickException(message) from error
        return _bound(0, is_fixed=False)
    return taken


def _policies_of(config: Path | None, given: dict[str, object] | None) -> Path:
    """Choose the policies that belong to given settings, else the shipped ones."""
    named = (given or {}).get("policies", "./policies")
    if config is not None and isinstance(named, str) and (config.parent / named).is_dir():
        return config.parent / named
    return Path(str(files("proxy"))) / "_shipped" / "policies"


def _copy(source: Path, target: Path) -> None:
    fresh = target.with_name("policies.new")
    with suppress(FileNotFoundError):
        shutil.rmtree(fresh)
    try:
        shutil.copytree(source, fresh)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
    except (OSError, shutil.Error) as error:
        message = f"the policies in {source} can't be copied: {error}"
        raise click.ClickException(message) from error
    if target.exists():
        shutil.rmtree(target)
    fresh.rename(target)


def _add_key(state: State, key: NewKey) -> None:
    """Give the first team by name the demo's key, unless it has it already."""
    teams = {}
    for checked in read_files(state.config, state.policies).teams:
        data = checked.document.data
        if isinstance(data, dict) and isinstance(data.get("team"), str):
            teams[str(data["team"])] = Path(checked.document.file)
    if not teams:
        message = f"{state.policies}/teams declares no team"
        raise click.ClickException(message)
    file = teams[min(teams)]
    text = file.read_bytes().decode()
    if key.sha256 in text:
        return
    entry = {"id": key.id, "name": "demo", "sha256": key.sha256}
    try:
        file.write_bytes(add_entry(text, ("keys",), entry).encode())
    except InsertionError as error:
        message = f"{file} can't take the demo's key: {error}"
        raise click.ClickException(message) from error


def _parsed(printed: str) -> NewKey:
    return NewKey(id=printed.split("_", 2)[1], printed=printed)
