"""What one file of YAML is read as, and what is refused in it."""

from __future__ import annotations

from datetime import date

import pytest

from proxy.config.document import Mark, dotted
from proxy.config.read import BYTES_MAX, read_bytes


def test_values_and_where_they_stand() -> None:
    document = read_bytes(b'a: 1\nb:\n  - "x"\n  - {c: true, d: 2026-11-22}\n', "f.yaml")
    assert [] == document.problems
    assert {"a": 1, "b": ["x", {"c": True, "d": date(2026, 11, 22)}]} == document.data
    assert Mark(4, 18) == document.mark(("b", 1, "d"))
    assert Mark(4, 15) == document.keys["b", 1, "d"]
    assert Mark(4, 5) == document.mark(("b", 1, "missing"))


@pytest.mark.parametrize(
    "text",
    [
        *("on", "No", "y", "010", "0o7", "0x1F", "0b1", "1_000", "12:30:00", "16:9", "1e3"),
        *(".inf", "-.NaN", "+5", ".5", "5.", "2026-1-2 10:00", "2026-02-30", "=", "~", "null"),
        "9" * 30,
    ],
)
def test_ambiguous_words_are_refused_plain_and_kept_quoted(text: str) -> None:
    plain = read_bytes(f"a: {text}\n".encode(), "f.yaml")
    assert ["a"] == [problem.path for problem in plain.problems]
    quoted = read_bytes(f'a: "{text}"\n'.encode(), "f.yaml")
    assert ([], {"a": text}) == (quoted.problems, quoted.data)


def test_keys_are_text_whatever_they_look_like() -> None:
    document = read_bytes(b"on: 1\n010: 2\n", "f.yaml")
    assert ([], {"on": 1, "010": 2}) == (document.problems, document.data)


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        (b"a: \xff\n", 1, 4, "not UTF-8"),
        (b"a: 1\nb: \x07\n", 2, 4, "does not allow"),
        (b"a: [1\n", 2, 1, "not YAML"),
        (b"a: *b\n", 1, 4, "alias *b"),
        (b"a: !x 1\n", 1, 4, "tag '!x'"),
        (b"? {a: {b: 1}}\n: 2\n", 1, 3, "a key must be plain text"),
        (b"*x : 2\n", 1, 1, "a key must be plain text"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(
    content: bytes, line: int, column: int, words: str
) -> None:
    problem = read_bytes(content, "f.yaml").problems[0]
    assert (line, column) == (problem.line, problem.column)
    assert words in problem.message


def test_an_alias_bomb_is_not_unfolded() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    document = read_bytes(f"a0: &a0 x\n{levels}".encode(), "f.yaml")
    assert 12 == len(document.problems)


def test_deep_nesting_stops_the_reading() -> None:
    document = read_bytes(b"[" * 100_000, "f.yaml")
    assert ["nested too deeply"] == [
        problem.message.partition("is ")[2].partition(";")[0] for problem in document.problems
    ]


def test_a_large_file_is_refused_unread() -> None:
    document = read_bytes(b"#" * (BYTES_MAX + 1), "f.yaml")
    assert "too large" in document.problems[0].message


def test_a_byte_order_mark_is_no_content() -> None:
    assert {"a": 1} == read_bytes(b"\xef\xbb\xbfa: 1\n", "f.yaml").data


def test_paths_are_written_as_people_do() -> None:
    assert ("(file)", "a[0].b") == (dotted(()), dotted(("a", 0, "b")))
