"""Where a process puts what is too large for memory for a moment: a private folder of its own."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ".spool"
ROOT_LOCK = "lock"
LOCK_SUFFIX = ".lock"


def spool_root(artifacts_url: str) -> Path:
    """Beside the artifacts where they are files, since that disk was chosen for large ones.

    Their names never begin with a dot. Buckets leave the machine's temporary folder.
    """
    parts = urlsplit(artifacts_url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)) / FOLDER
    return Path(tempfile.gettempdir(), f"greenlight-{os.getuid()}-spool")


@contextmanager
def own_folder(root: Path) -> Iterator[Path]:
    """A folder of this process below `root`, removed at the end of the block.

    Several processes share a root. Each holds a lock on its own folder for as long as it lives,
    however it ends; whoever starts removes the folders that nobody holds.

    Raises:
        OSError: it cannot be made, or belongs to somebody else.
    """
    _private(root)
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    folder, lock = root / name, root / f"{name}{LOCK_SUFFIX}"
    with _alone(root):
        _clear(root)
        held = _lock(lock)
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(held)


def _private(root: Path) -> None:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = root.lstat()
    if found.st_uid != os.getuid() or root.is_symlink():
        message = f"{root} belongs to somebody else; set TMPDIR, or another artifacts.url"
        raise PermissionError(message)
    root.chmod(0o700)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Keep other processes out: between a lock's making and its taking nobody may look at it."""
    descriptor = os.open(root / ROOT_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _clear(root: Path) -> None:
    """Remove what processes that ended left behind."""
    for lock in root.glob(f"*{LOCK_SUFFIX}"):
        try:
            descriptor = _lock(lock)
        except BlockingIOError:
            continue  # its process lives
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
