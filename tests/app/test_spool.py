"""The folder of what is too large for memory: private, a process's own, and cleared after it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from proxy.app.spool import own_folder, spool_root

HOLDER = """
import sys
from pathlib import Path
from proxy.app.spool import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "large").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


def holder(root: Path) -> tuple[subprocess.Popen[str], Path]:
    """Another process that has its folder below the root."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen[str], *, kill: bool) -> None:
    if kill:
        process.kill()
    process.communicate()


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def test_files_lie_beside_the_artifacts() -> None:
    assert Path("/var/my artifacts/.spool") == spool_root("file:///var/my%20artifacts")
    assert Path(tempfile.gettempdir()) == spool_root("s3://bucket/prefix").parent


def test_it_is_private_and_ends_with_its_process(tmp_path: Path) -> None:
    root = tmp_path / "artifacts" / ".spool"
    with own_folder(root) as folder:
        for place in (root, folder):
            assert 0o700 == stat.S_IMODE(place.stat().st_mode)
        (folder / "large").write_bytes(b"x")
    assert {"lock"} == names(root)


def test_each_process_has_its_own_and_leaves_the_others_alone(tmp_path: Path) -> None:
    other, theirs = holder(tmp_path)
    with own_folder(tmp_path) as first, own_folder(tmp_path) as second:
        assert 3 == len({first, second, theirs})
        assert (theirs / "large").exists()
        assert first.exists()
    assert (theirs / "large").exists()
    end(other, kill=False)
    assert {"lock"} == names(tmp_path)


def test_what_a_killed_process_left_goes_at_the_next_start(tmp_path: Path) -> None:
    killed, theirs = holder(tmp_path)
    alive, living = holder(tmp_path)
    end(killed, kill=True)
    assert (theirs / "large").exists()
    with own_folder(tmp_path):
        assert not theirs.exists()
        assert (living / "large").exists()
    end(alive, kill=False)
    assert {"lock"} == names(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make what belongs to somebody else")
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    root.mkdir()
    os.chown(root, 12345, 12345)
    with pytest.raises(PermissionError, match="belongs to somebody else"), own_folder(root):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "spool"
    root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError, match="belongs to somebody else"), own_folder(root):
        pass
