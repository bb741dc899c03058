from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from proxy.domain.errors import InvalidRequest
from proxy.http.headers import (
    SDK_TRY_MAX,
    WAIT_S_MAX,
    idempotency_key,
    preferred_wait_s,
    sdk_try,
)


def key_of(*values: str) -> str | None:
    headers = CIMultiDict([("Idempotency-Key", value) for value in values])
    return idempotency_key(make_mocked_request("POST", "/", headers=headers))


def test_no_header_no_key() -> None:
    assert key_of() is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("abc-1", "abc-1"),
        ('"abc-1"', "abc-1"),
        ("  abc  ", "abc"),
        (r'"a\"b\\c"', r'a"b\c'),
        ("two words", "two words"),
        ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
    ],
)
def test_a_key_is_quoted_or_bare(value: str, expected: str) -> None:
    assert expected == key_of(value)


@pytest.mark.parametrize("value", ["", '""', '"open', 'a"', "x" * 256, "ключ", "a\tb", r'"a\b"'])
def test_a_bad_key_is_refused(value: str) -> None:
    if value == 'a"':
        assert value == key_of(value)  # A quote inside a bare key is a character like others.
        return
    with pytest.raises(InvalidRequest) as caught:
        key_of(value)
    assert "Idempotency-Key" == caught.value.param


def test_two_keys_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        key_of("a", "b")


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=300))
def test_any_key_is_short_text_or_refused(value: str) -> None:
    try:
        key = key_of(value)
    except InvalidRequest:
        return
    assert key is not None
    assert 1 <= len(key) <= 255


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("2", 2), ("9999", SDK_TRY_MAX), ("-1", 0), ("two", 0), ("", 0), ("1.5", 0)],
)
def test_the_number_of_a_try_is_read_or_ignored(value: str, expected: int) -> None:
    headers = {"x-stainless-retry-count": value}
    assert expected == sdk_try(make_mocked_request("POST", "/", headers=headers))
    assert 0 == sdk_try(make_mocked_request("POST", "/"))


@pytest.mark.parametrize(
    ("values", "wait_s"),
    [
        (["wait=10"], 10),
        (["Wait = 10"], 10),
        (['wait="10"'], 10),
        (["respond-async, wait=10; x=1"], 10),
        (["respond-async", "wait=5"], 5),
        (["wait=5, wait=9"], 5),
        (["wait=300"], WAIT_S_MAX),
        (["wait=100000"], WAIT_S_MAX),
        (["wait=0"], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait"], None),
        (["await=10"], None),
        (["wait=" + "9" * 5000], None),
        ([], None),
    ],
)
def test_a_wait_is_read_or_passed_over(values: list[str], wait_s: int | None) -> None:
    headers = CIMultiDict([("Prefer", value) for value in values])
    assert wait_s == preferred_wait_s(make_mocked_request("GET", "/", headers=headers))
