"""Replaces a file's content in one step, so that nobody ever reads half of it."""

import os
import stat
import tempfile
from pathlib import Path


def replace_content(path: Path, content: bytes) -> None:
    """Give a file new content; its mode stays, and a link to it stays a link.

    Raises:
        OSError: The file's folder can't be written to.
    """
    target = path.resolve()
    mode = stat.S_IMODE(target.stat().st_mode)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            os.fchmod(handle, mode)
            stream.write(content)
            stream.flush()
            os.fsync(handle)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
