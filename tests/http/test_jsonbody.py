from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import InvalidRequest
from proxy.http.jsonbody import load_object, parse_list, parse_object
from tests.http.outcome import outcome


def test_numbers_with_a_point_stay_decimal() -> None:
    assert {"a": Decimal("0.10"), "b": 2} == load_object(b'{"a": 0.10, "b": 2}')


def test_a_list_is_read_as_strictly_as_an_object() -> None:
    assert [Decimal("0.10"), {"a": 1}] == parse_list('[0.10, {"a": 1}]', "it")
    for text in ("{}", "1", "[NaN]", '[{"a": 1, "a": 2}]', "[1"):
        with pytest.raises(InvalidRequest) as caught:
            parse_list(text, "it", param="pictures")
        assert caught.value.param in {"pictures", "a"}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert {} == load_object(b"\xef\xbb\xbf{}")


@pytest.mark.parametrize(
    ("raw", "phrase"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1,}', "valid JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b'"x"', "object"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b'{"a": "\xc3"}', "byte 7"),
        (b'{"a": 1, "a": 2}', "'a' appears twice"),
        (b'{"m": {"k": "1", "k": "2"}}', "'k' appears twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": ' + b"[" * 200_000, "deep"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
    ],
)
def test_what_is_not_a_json_object_says_why(raw: bytes, phrase: str) -> None:
    with pytest.raises(InvalidRequest, match=phrase):
        load_object(raw)


def test_an_object_inside_a_form_is_named() -> None:
    with pytest.raises(InvalidRequest, match="metadata is not valid JSON") as caught:
        parse_object("{", "metadata", param="metadata")
    assert "metadata" == caught.value.param


@given(st.binary(max_size=200))
def test_any_bytes_become_an_object_or_an_error(raw: bytes) -> None:
    assert isinstance(outcome(lambda: load_object(raw)), dict | InvalidRequest)
