"""Log lines say what happened, and never what must not be written down."""

from __future__ import annotations

import io
import json
import logging
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from proxy.domain import events
from proxy.domain.events import Event
from proxy.telemetry.json_lines import JsonLines, log_as_json_lines, mask
from proxy.telemetry.logs import FIELDS, LOGGER, Logs, level_of
from tests.builders import KLING, PRINTED_KEY
from tests.telemetry.samples import JOB, ONE_OF_EACH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.gateway.ports.runtime import Observer

DOCS = Path(__file__).resolve().parents[2] / "docs"
CANARY = "canary-prompt-5b1f"
SIGNED_URL = f"https://cdn.example.com/v.mp4?X-Signature={CANARY}&Expires=1795348800"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = logging.getLogger("greenlight")
    written = io.StringIO()
    root.handlers = []
    log_as_json_lines(written, level=logging.DEBUG)
    yield written
    root.handlers, root.level = handlers, level
    ours.setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_event_is_one_line_with_its_fields(stream: io.StringIO) -> None:
    observer: Observer = Logs()
    for event in ONE_OF_EACH:
        observer.observe(event)
    written = lines(stream)
    assert [type(event).__name__ for event in ONE_OF_EACH] == [line["message"] for line in written]
    for event, line in zip(ONE_OF_EACH, written, strict=True):
        assert {"time", "level", "logger", "message", *FIELDS[type(event)]} == set(line)
    assert JOB == written[0]["job"]
    assert "running" == next(line["after"] for line in written if line["message"] == "Moved")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", written[0]["time"])


def test_every_event_has_its_list_of_fields() -> None:
    assert set(get_args(Event)) == set(FIELDS)
    for kind, names in FIELDS.items():
        assert set(names) <= {field.name for field in fields(kind)}


def test_a_change_of_state_is_logged_and_work_inside_one_is_not(stream: io.StringIO) -> None:
    logging.getLogger("greenlight").setLevel(logging.INFO)
    moved = next(event for event in ONE_OF_EACH if isinstance(event, events.Moved))
    Logs().observe(moved)
    Logs().observe(replace(moved, before=moved.after))
    assert 1 == len(lines(stream))


@pytest.mark.parametrize(
    ("method", "status", "level"),
    [
        ("GET", 200, logging.DEBUG),
        ("HEAD", 304, logging.DEBUG),
        ("GET", 404, logging.INFO),
        ("POST", 200, logging.INFO),
        ("POST", 402, logging.INFO),
        ("GET", 503, logging.ERROR),
    ],
)
def test_requests_matter_by_method_and_status(method: str, status: int, level: int) -> None:
    served = events.RequestServed(
        route="/v1/videos", method=method, status=status, took_s=0.1, request_id="r"
    )
    assert level == level_of(served)


def test_what_went_wrong_is_louder() -> None:
    called = next(event for event in ONE_OF_EACH if isinstance(event, events.StoreCalled))
    reloaded = next(event for event in ONE_OF_EACH if isinstance(event, events.ConfigReloaded))
    assert (logging.DEBUG, logging.WARNING) == (
        level_of(called),
        level_of(replace(called, outcome="error")),
    )
    away = replace(called, outcome="error", unavailable="no connection")
    assert logging.DEBUG == level_of(away)
    assert (logging.INFO, logging.ERROR) == (
        level_of(reloaded),
        level_of(replace(reloaded, problems=1)),
    )


def test_words_of_a_provider_are_cut_short(stream: io.StringIO) -> None:
    called = next(event for event in ONE_OF_EACH if isinstance(event, events.ProviderCalled))
    Logs().observe(replace(called, upstream_code="x" * 5000))
    assert 128 == len(lines(stream)[0]["upstream_code"])


def fail_with_canaries() -> None:
    try:
        int(f"prompt was {CANARY}")
    except ValueError as error:
        message = f"key {PRINTED_KEY}"
        raise KeyError(message) from error


def test_canaries_never_appear(stream: io.StringIO) -> None:
    ours = logging.getLogger("greenlight.http")
    theirs = logging.getLogger("aiohttp.server")
    try:
        fail_with_canaries()
    except KeyError as error:
        ours.error("request %s failed", "req_1", exc_info=error)
        theirs.error("Error handling %s", SIGNED_URL, exc_info=error)
    ours.warning("fetched %s with %s", SIGNED_URL, PRINTED_KEY)
    ours.info("sent Authorization: %s", f"Bearer {CANARY}")
    theirs.warning(f"Task got a {CANARY}")
    text = stream.getvalue()
    assert CANARY not in text
    assert PRINTED_KEY not in text
    assert "s" * 43 not in text
    failed, foreign = lines(stream)[:2]
    assert ("request req_1 failed", "KeyError < ValueError") == (
        failed["message"],
        failed["error"],
    )
    assert failed["trace"][-1].endswith("fail_with_canaries")
    assert "message" not in foreign
    assert foreign["at"].startswith("test_logs:")


def test_libraries_below_warning_stay_silent(stream: io.StringIO) -> None:
    logging.getLogger("asyncio").info("Using selector")
    assert [] == lines(stream)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"key {PRINTED_KEY} used", "key [masked] used"),
        ("gla_o4p5s2aa_" + "A-_9" * 10, "[masked]"),
        ("https://u:p@host/x?sig=abc&exp=1 end", "https://[masked]host/x?[masked]&[masked] end"),
        ("Authorization: Basic dXNlcg==", "Authorization: [masked]"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "jwt [masked]"),
        ("data:image/png;base64,iVBORw0KGgo=", "[masked]"),
        ("store at /var/lib/x is ready", "store at /var/lib/x is ready"),
    ],
)
def test_secrets_are_masked_in_messages_of_ours(text: str, masked: str) -> None:
    assert masked == mask(text)


def test_a_record_is_one_line_whatever_it_says() -> None:
    record = logging.LogRecord(LOGGER, logging.INFO, "", 0, "two\nlines %s", ("a\nb",), None)
    assert 1 == len(JsonLines().format(record).splitlines())


def test_the_page_of_logging_says_what_the_code_says() -> None:
    text = (DOCS / "logging.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", text, flags=re.MULTILINE))
    expected = {
        kind.__name__: ", ".join(f"`{name}`" for name in names) for kind, names in FIELDS.items()
    }
    assert expected == rows


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        ("hinted", logging.INFO),
        ("stranger", logging.INFO),
        ("forged", logging.WARNING),
        ("stale", logging.WARNING),
        ("unreadable", logging.WARNING),
        ("repeated", logging.DEBUG),
        ("unknown_address", logging.DEBUG),
    ],
)
def test_callbacks_matter_by_what_became_of_them(outcome: str, level: int) -> None:
    received = events.CallbackReceived(
        provider=KLING, account="main", model=None, job=None, outcome=outcome
    )
    assert level == level_of(received)
