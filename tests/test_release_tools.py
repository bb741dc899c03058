"""`make audit` calls nothing clean that nobody looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CLEAN = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
FLAWED = {
    "name": "rich",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"], "aliases": []}],
}
UNFIXED = {"name": "rich", "version": "1.0", "vulns": [{"id": "PYSEC-2026-2", "fix_versions": []}]}
UNKNOWN = {"name": "yarl", "skip_reason": "Dependency not found"}
NOT_ASKED = "audit: the advisory service could not be asked"


def audit(folder: Path, answer: str, complaint: str = "") -> tuple[int, list[str]]:
    """Run it with something that answers in the place of pip-audit."""
    stand_in = folder / "pip-audit"
    stand_in.write_text(
        f"#!{sys.executable}\nimport sys\n"
        f"assert sys.argv[1:3] == ['--requirement', 'the.lock']\n"
        f"sys.stdout.write({answer!r})\nsys.stderr.write({complaint!r})\nsys.exit(1)\n"
    )
    stand_in.chmod(0o755)
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "audit.py", os.fspath(stand_in), "the.lock"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "" == done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([CLEAN], 0, ["audit: 1 packages, 0 known vulnerabilities"]),
        (
            [CLEAN, FLAWED],
            1,
            [
                "audit: rich 1.0: PYSEC-2026-1; fixed in: 1.1, 2.0",
                "audit: 2 packages, 1 known vulnerabilities",
            ],
        ),
        (
            [UNFIXED],
            1,
            [
                "audit: rich 1.0: PYSEC-2026-2; fixed in: none yet",
                "audit: 1 packages, 1 known vulnerabilities",
            ],
        ),
        ([CLEAN, UNKNOWN], 2, [f"{NOT_ASKED} about 1 of 2 packages: yarl"]),
        (
            [FLAWED, UNKNOWN],
            1,
            [
                "audit: rich 1.0: PYSEC-2026-1; fixed in: 1.1, 2.0",
                f"{NOT_ASKED} about 1 of 2 packages: yarl",
            ],
        ),
        ([], 2, [f"{NOT_ASKED} about 0 of 0 packages: "]),
    ],
)
def test_what_an_audit_says(
    tmp_path: Path, packages: list[dict[str, object]], code: int, said: list[str]
) -> None:
    assert (code, said) == audit(tmp_path, json.dumps({"dependencies": packages, "fixes": []}))


def test_a_service_that_cannot_be_reached_is_said_with_its_reason(tmp_path: Path) -> None:
    code, said = audit(tmp_path, "", "Traceback\nConnectionError: refused\n")
    assert (2, [f"{NOT_ASKED}: ConnectionError: refused"]) == (code, said)
