"""docs/admin.md shows the table of the admin API as it is."""

from __future__ import annotations

import re
from pathlib import Path

from proxy.domain.errors import REQUEST_CODES
from proxy.http.admin.endpoints import EVERYBODY, AdminEndpoint
from proxy.http.admin.routes import TABLE

TEXT = (Path(__file__).parents[2] / "docs" / "admin.md").read_text(encoding="utf-8")


def row(endpoint: AdminEndpoint) -> str:
    name = f"{endpoint.method} {endpoint.path}".strip()
    roles = "all" if endpoint.roles == EVERYBODY else ", ".join(endpoint.roles)
    takes = ", ".join(f"`{each}`" for each in endpoint.query or endpoint.body) or "-"
    return f"| `{name}` | {roles} | {endpoint.summary} | {takes} |"


def test_every_endpoint_stands_in_the_table_and_no_other() -> None:
    rows = re.findall(r"^\| `(?:GET|POST)\b.*\|$", TEXT, flags=re.MULTILINE)
    assert [row(endpoint) for endpoint in TABLE] == rows


def test_every_error_of_an_endpoint_is_a_known_code() -> None:
    assert set() == {code for each in TABLE for code in each.all_errors} - set(REQUEST_CODES)


def test_no_two_endpoints_are_the_same() -> None:
    assert len(TABLE) == len({(endpoint.method, endpoint.path) for endpoint in TABLE})
