"""Ask the advisory service of the package index about every package of a lock.

    audit.py PIP_AUDIT LOCK

pip-audit by itself ends well when the service knows none of the packages, which proves nothing.
Exit codes: 0 every package was asked about and none has a known vulnerability, 1 some have one,
2 the service could not be asked about every package.
"""

from __future__ import annotations

import json
import subprocess
import sys

CLEAN, VULNERABLE, NOT_ASKED = 0, 1, 2


def main(pip_audit: str, lock: str) -> int:
    """Run pip-audit and say what its answer is worth."""
    arguments = ("--requirement", lock, "--disable-pip", "--require-hashes", "--format", "json")
    done = subprocess.run(  # noqa: S603 - the program that the Makefile names
        [pip_audit, *arguments, "--progress-spinner", "off"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = done.stderr.strip().splitlines() or ["pip-audit said nothing"]
        print(f"audit: the advisory service could not be asked: {lines[-1]}")
        return NOT_ASKED
    unknown = [one["name"] for one in packages if "skip_reason" in one]
    found = [(one, flaw) for one in packages for flaw in one.get("vulns", ())]
    for one, flaw in found:
        fixed = ", ".join(flaw["fix_versions"]) or "none yet"
        print(f"audit: {one['name']} {one['version']}: {flaw['id']}; fixed in: {fixed}")
    if unknown or not packages:
        told = f"{len(unknown)} of {len(packages)} packages: {', '.join(unknown)}"
        print(f"audit: the advisory service could not be asked about {told}")
        return VULNERABLE if found else NOT_ASKED
    print(f"audit: {len(packages)} packages, {len(found)} known vulnerabilities")
    return VULNERABLE if found else CLEAN


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
