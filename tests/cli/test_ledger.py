"""`ledger`: prove, show, export, reconcile, write off."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.console import Terminal
    from tests.cli.fake_proxy import FakeProxy, Json

CONTENT = b"id,at\n1-1,2026-11-01T00:00:00.000Z\n"
INVOICE = "task_id,amount\nt1,0.6\n"
KINDS = ("differing", "not_invoiced", "not_ours", "misattributed", "open", "duplicate")


@pytest.fixture
def admin(proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeProxy:
    monkeypatch.setenv("GREENLIGHT_ADMIN_URL", f"{proxy.url}/admin/v1/")
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", proxy.key)
    monkeypatch.chdir(tmp_path)
    return proxy


def a_manifest(**changed: object) -> Json:
    return {
        "object": "ledger.export",
        "format": "csv",
        "since": "2026-11-01T00:00:00.000Z",
        "until": "2026-11-24T12:00:00.000Z",
        "rows": 1,
        "spent": "0.336000",
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        **changed,
    }


def a_comparison(**changed: object) -> Json:
    return {
        "object": "ledger.reconciliation",
        "invoice": "0123456789abcdef",
        "lines": 3,
        "invoiced": "1.000000",
        "difference": "0.000000",
        "equal": {"count": 3, "amount": "1.000000"},
        **{kind: [] for kind in KINDS},
        **changed,
    }


def a_finding(**changed: object) -> Json:
    return {
        "provider": "kling",
        "attempt": "video_a-1",
        "task": "t1",
        "charged": "0.500000",
        "invoiced": "0.600000",
        "missing": "0.100000",
        "lines": [2, 3],
        "team": "marketing",
        "by": "reported",
        **changed,
    }


async def test_a_sound_ledger(admin: FakeProxy, terminal: Terminal) -> None:
    counts = {"entries": 42, "balances": 7, "open_attempts": 1}
    admin.will_answer({"sound": True, **counts, "violations": []})
    said = await terminal.beside("ledger", "verify")
    assert (0, "42 entries, 7 balances, 1 open attempts: every law holds\n") == (
        said.code,
        said.out,
    )
    assert "/admin/v1/ledger/verify" == admin.asked[0].path


async def test_a_violation_fails(admin: FakeProxy, terminal: Terminal) -> None:
    violation = {"law": "I1", "subject": "org|month|2026-11", "message": "off by 1"}
    admin.will_answer({"sound": False, "entries": 1, "violations": [violation]})
    said = await terminal.beside("ledger", "verify")
    assert 1 == said.code
    assert "I1   org|month|2026-11  off by 1" in said.out
    assert "1 violations" in said.out
    assert 1 == (await terminal.beside("ledger", "verify", "--json")).code


def an_entry(**changed: object) -> Json:
    return {
        "at": "2026-11-24T09:30:00.250Z",
        "kind": "settle",
        "attempt": "video_a-1",
        "team": "marketing",
        "reserved": "-0.400000",
        "spent": "0.336000",
        **changed,
    }


async def test_entries_of_this_month(admin: FakeProxy, terminal: Terminal) -> None:
    reserve = an_entry(kind="reserve", reserved="0.400000", spent="0.000000")
    odd = an_entry(kind="unattributed", attempt=None, team=None, task="t9", reserved="0.000000")
    admin.will_answer({"data": [reserve, an_entry(), odd], "has_more": True})
    said = await terminal.beside("ledger", "show", "--team", "marketing", "--kind", "settle")
    lines = [line.rstrip() for line in said.out.splitlines()]
    assert "2026-11-24 09:30:00Z  reserve       video_a-1  marketing   $0.40" == lines[1]
    assert "2026-11-24 09:30:00Z  settle        video_a-1  marketing  -$0.40  $0.336" == lines[2]
    assert lines[3].split()[2:] == ["unattributed", "t9", "$0.336"]
    assert "there are more" in lines[4]
    assert {"team": "marketing", "kind": "settle", "limit": "100", "timezone": "UTC"} == (
        admin.asked[0].query
    )


async def test_what_persons_changed_is_shown_with_its_reason(
    admin: FakeProxy, terminal: Terminal
) -> None:
    lifted = an_entry(
        kind="override",
        attempt=None,
        reserved="0.000000",
        spent="0.000000",
        amount="100.000000",
        until="2026-12-01T05:00:00.000Z",
        reason="the launch",
        balances=["team:marketing|month|2026-11"],
    )
    adjusted = an_entry(kind="adjust", reserved="0.000000", reason="invoice 42", by="reported")
    settled = an_entry(outcome="content_policy", by="bills_on:full")
    admin.will_answer({"data": [lifted, adjusted, settled]})
    said = await terminal.beside("ledger", "show")
    rows = [line.split(maxsplit=2)[2].split("  ") for line in said.out.splitlines()[1:]]
    assert [
        [
            "override",
            "team:marketing|month|2026-11",
            "marketing",
            "limit +$100.00 until 2026-12-01 05:00:00Z: the launch",
        ],
        ["adjust", "video_a-1", "marketing", "$0.336", "invoice 42"],
        ["settle", "video_a-1", "marketing", "-$0.40", "$0.336", "content_policy, bills_on:full"],
    ] == [[cell.strip() for cell in row if cell.strip()] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "no entries\n"), (("video_b",), "the ledger has no entry of video_b\n")],
)
async def test_a_ledger_without_such_entries(
    admin: FakeProxy, terminal: Terminal, arguments: tuple[str, ...], told: str
) -> None:
    admin.will_answer({"data": [], "has_more": False})
    assert told == (await terminal.beside("ledger", "show", *arguments)).out


async def test_of_a_job_everything_is_shown(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"data": [], "has_more": False})
    said = await terminal.beside("ledger", "show", "video_a", "--json")
    assert {"data": [], "has_more": False} == json.loads(said.out)
    assert ("video_a", "1970-01-01") == (
        admin.asked[0].query["job"],
        admin.asked[0].query["since"],
    )


async def test_an_export_is_saved_beside_its_manifest(
    admin: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    admin.will_answer(a_manifest())
    admin.will_answer(CONTENT)
    said = await terminal.beside("ledger", "export", "--period", "2026-11")
    assert 0 == said.code
    file = tmp_path / "greenlight-2026-11.csv"
    assert CONTENT == file.read_bytes()
    beside = tmp_path / "greenlight-2026-11.csv.manifest.json"
    assert a_manifest() == json.loads(beside.read_text())
    assert "greenlight-2026-11.csv: 1 rows, $0.336 spent, SHA-256 " in said.err
    assert "2026-11 ends at 2026-12-01T00:00:00Z: export it again then" in said.err
    manifest, export = admin.asked
    assert ("/admin/v1/ledger/export/manifest", "2026-11") == (
        manifest.path,
        manifest.query["period"],
    )
    # The file is asked for with the very times of its manifest.
    assert "/admin/v1/ledger/export" == export.path
    assert {
        "format": "csv",
        "since": "2026-11-01T00:00:00.000Z",
        "until": "2026-11-24T12:00:00.000Z",
    } == export.query


async def test_a_file_that_is_not_what_its_manifest_says_gets_no_name(
    admin: FakeProxy, terminal: Terminal, tmp_path: Path
) -> None:
    admin.will_answer(a_manifest())
    admin.will_answer(CONTENT + b"2-1\n")
    said = await terminal.beside("ledger", "export", "-o", "november.csv")
    assert 1 == said.code
    assert "not what the manifest says" in said.err
    assert [] == await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


async def test_a_period_that_is_over_is_said_to_be_nothing_else(
    admin: FakeProxy, terminal: Terminal
) -> None:
    admin.will_answer(a_manifest(until="2026-12-01T05:00:00.000Z"))
    admin.will_answer(CONTENT)
    arguments = ("--period", "2026-11", "--timezone", "America/New_York")
    said = await terminal.beside("ledger", "export", *arguments)
    assert (0, 1) == (said.code, len(said.err.splitlines()))


async def test_an_export_to_standard_output(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_manifest(format="focus-1.4"))
    admin.will_answer(CONTENT)
    arguments = ("--format", "focus-1.4", "--since", "2026-11-01", "-o", "-")
    said = await terminal.beside("ledger", "export", *arguments)
    assert (0, CONTENT.decode()) == (said.code, said.out)
    assert a_manifest(format="focus-1.4") == json.loads(said.err.splitlines()[0])


@pytest.mark.parametrize(
    ("format_name", "name"),
    [
        ("jsonl", "greenlight-2026-11-01-to-2026-11-24T1200Z.jsonl"),
        ("focus-1.0", "greenlight-2026-11-01-to-2026-11-24T1200Z-focus-1.0.csv"),
    ],
)
async def test_names_say_what_is_in_a_file(
    admin: FakeProxy, terminal: Terminal, format_name: str, name: str
) -> None:
    admin.will_answer(a_manifest())
    admin.will_answer(CONTENT)
    said = await terminal.beside("ledger", "export", "--format", format_name, "--json")
    assert {**a_manifest(), "file": name} == json.loads(said.out)


async def test_a_place_that_cannot_be_written(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_manifest())
    said = await terminal.beside("ledger", "export", "-o", "nowhere/november.csv")
    why = "nowhere/november.csv can't be written: No such file or directory"
    assert (1, f"greenlight: {why}\n") == (said.code, said.err)


async def test_a_refused_export(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer(a_manifest())
    admin.will_answer(b"gateway", 502)
    said = await terminal.beside("ledger", "export", "-o", "x.csv")
    assert (1, "greenlight: the proxy answered 502\n") == (said.code, said.err)


async def test_a_listener_that_goes_away(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENLIGHT_ADMIN_TOKEN", "gla_abcdefgh_secret")
    said = await terminal.beside("ledger", "verify", "--admin-url", "http://127.0.0.1:9")
    assert "no answer from 127.0.0.1:9" in said.err


@pytest.fixture
def invoice(tmp_path: Path) -> Path:
    file = tmp_path / "invoice.csv"
    file.write_text(INVOICE)
    return file


async def test_an_equal_invoice(admin: FakeProxy, terminal: Terminal, invoice: Path) -> None:
    admin.will_answer(a_comparison())
    arguments = ("--provider", "kling", "--period", "2026-11")
    said = await terminal.beside("ledger", "reconcile", str(invoice), *arguments)
    assert 0 == said.code
    assert [
        "invoice     3 lines, $1.00",
        "equal       3, $1.00",
        "difference  $0.00 (ledger minus invoice)",
    ] == said.out.splitlines()
    (asked,) = admin.asked
    assert ("POST", "/admin/v1/ledger/reconcile") == (asked.method, asked.path)
    assert {
        "invoice": INVOICE,
        "provider": "kling",
        "period": "2026-11",
        "since": None,
        "until": None,
        "timezone": "UTC",
    } == json.loads(asked.body)


async def test_what_differs_is_shown_by_its_kind(
    admin: FakeProxy, terminal: Terminal, invoice: Path
) -> None:
    forgotten = a_finding(attempt=None, task="t9", lines=[], team=None, by=None)
    forgotten |= {"invoiced": "0.000000", "missing": "-0.500000"}
    admin.will_answer(
        a_comparison(
            difference="-0.100000", differing=[a_finding()] * 41, not_invoiced=[forgotten]
        )
    )
    said = await terminal.beside("ledger", "reconcile", str(invoice))
    assert 1 == said.code
    rows = [line.split() for line in said.out.splitlines()]
    assert "difference  -$0.10 (ledger minus invoice)" in said.out
    assert "charged differently: 41" in said.out
    assert (
        "kling  video_a-1        marketing  2, 3   $0.50    $0.60    $0.10  reported" in said.out
    )
    assert "and 1 more; --json has all of them" in said.out
    assert "charged, not invoiced: 1" in said.out
    assert ["kling", "t9", "$0.50", "$0.00", "-$0.50"] in rows


async def test_posting_says_what_it_did(
    admin: FakeProxy, terminal: Terminal, invoice: Path
) -> None:
    before = a_comparison(difference="-0.100000", differing=[a_finding()])
    posted = [
        {"attempt": "video_a-1", "amount": "0.100000"},
        {"attempt": "video_b-1", "amount": "-0.800000"},
        {"attempt": None, "task": "t9", "amount": "0.560000"},
    ]
    refused = [
        {"attempt": "video_b-1", "refused": "stale"},
        {"attempt": None, "task": "t8", "refused": "odd"},
    ]
    admin.will_answer(
        {"before": before, "posted": posted, "refused": refused, "after": a_comparison()}
    )
    arguments = ("--post", "--reason", "invoice 11")
    said = await terminal.beside("ledger", "reconcile", str(invoice), *arguments)
    assert 0 == said.code
    assert [
        "before      difference -$0.10",
        "posted      2 attempts adjusted: -$0.70",
        "posted      1 task charged to nobody: $0.56",
        "refused     video_b-1: it was changed meanwhile; run this again",
        "refused     t8: odd",
        "",
        "invoice     3 lines, $1.00",
    ] == said.out.splitlines()[:7]
    (asked,) = admin.asked
    assert ("/admin/v1/ledger/reconcile/post", "invoice 11") == (
        asked.path,
        json.loads(asked.body)["reason"],
    )


async def test_nothing_was_left_to_post(
    admin: FakeProxy, terminal: Terminal, invoice: Path
) -> None:
    same = a_comparison(lines=1)
    admin.will_answer({"before": same, "posted": [], "refused": [], "after": same})
    arguments = ("--post", "--reason", "invoice 11")
    said = await terminal.beside("ledger", "reconcile", str(invoice), *arguments)
    assert ["posted      nothing", "", "invoice     1 line, $1.00"] == said.out.splitlines()[1:4]


async def test_what_is_left_after_posting_fails(
    admin: FakeProxy, terminal: Terminal, invoice: Path
) -> None:
    after = a_comparison(open=[a_finding()])
    admin.will_answer({"before": after, "posted": [], "refused": [], "after": after})
    arguments = ("--post", "--reason", "invoice 11", "--json")
    assert 1 == (await terminal.beside("ledger", "reconcile", str(invoice), *arguments)).code


def test_posting_needs_a_reason(terminal: Terminal, admin: FakeProxy, invoice: Path) -> None:
    said = terminal("ledger", "reconcile", str(invoice), "--post")
    assert 2 == said.code
    assert "--post needs --reason" in said.err


def test_an_invoice_that_is_no_text(terminal: Terminal, admin: FakeProxy, invoice: Path) -> None:
    invoice.write_bytes(b"\xff\xfe")
    said = terminal("ledger", "reconcile", str(invoice))
    assert 1 == said.code
    assert "can't be read" in said.err


async def test_a_write_off(admin: FakeProxy, terminal: Terminal) -> None:
    admin.will_answer({"attempt": "video_a-1", "amount": "0.336000"})
    said = await terminal.beside("ledger", "write-off", "video_a-1", "--reason", "a wrong video")
    assert (0, "video_a-1: $0.336 taken off its team\n") == (said.code, said.out)
    assert {"attempt": "video_a-1", "reason": "a wrong video"} == json.loads(admin.asked[0].body)
    said = await terminal.beside("ledger", "write-off", "video_a-1", "--reason", "x", "--json")
    assert {"attempt": "video_a-1", "amount": "0.336000"} == json.loads(said.out)
