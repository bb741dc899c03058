"""Whatever stands in a file, the answer is a snapshot or a list of problems."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config.load import Loaded
from proxy.config.problem import ConfigError
from proxy.config.read import read_bytes
from tests.config.files import GOOD, PLACES, copy_good, load_good

WORDS: Final = st.sampled_from(
    [
        *(
            "a",
            "on",
            "010",
            "~",
            "$5",
            '"$5"',
            "5",
            "0.5",
            "30s",
            "${A}",
            "file:x",
            "*",
            "&a",
            "*a",
        ),
        *("!t", "team", "budgets", "limit", "models", "offers", "prices", "policies", "use"),
        *("\x85", "\ufeff"),
    ]
)
PUNCTUATION: Final = st.sampled_from(
    [
        *(": ", "- ", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", "#", "? ", "|", ">"),
        *("---\n", "\t"),
    ]
)
YAML_LIKE: Final = st.lists(st.one_of(WORDS, PUNCTUATION), max_size=40).map("".join)
KINDS: Final = st.sampled_from(sorted(PLACES))


def outcome(kind: str, content: bytes) -> Loaded | ConfigError:
    """Load the good configuration with one file replaced; any other exception fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        config = copy_good(Path(folder))
        (Path(folder) / PLACES[kind]).write_bytes(content)
        try:
            return load_good(config)
        except ConfigError as error:
            return error


def check(found: Loaded | ConfigError) -> None:
    assert isinstance(found, Loaded) or found.problems


@settings(max_examples=60, deadline=None)
@given(
    KINDS,
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(str.encode), YAML_LIKE.map(str.encode)
    ),
)
def test_any_content_of_any_file(kind: str, content: bytes) -> None:
    check(outcome(kind, content))


@settings(max_examples=120, deadline=None)
@given(KINDS, st.data())
def test_any_damage_to_a_good_file(kind: str, data: st.DataObject) -> None:
    text = (GOOD / PLACES[kind]).read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 30))
    put = data.draw(st.one_of(WORDS, PUNCTUATION, st.just("")))
    damaged = text[:start] + put + text[start + length :]
    check(outcome(kind, damaged.encode()))


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), YAML_LIKE.map(str.encode)))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    document = read_bytes(content, "any.yaml")
    assert all(problem.line >= 1 and problem.column >= 1 for problem in document.problems)
