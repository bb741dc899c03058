from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.errors import RangeNotSatisfiable
from proxy.http.byterange import ByteRange, read_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-99", ByteRange(0, 100)),
        ("bytes=0-1000", ByteRange(0, 100)),
        ("bytes=90-", ByteRange(90, 10)),
        ("bytes=-10", ByteRange(90, 10)),
        ("bytes=-1000", ByteRange(0, 100)),
        ("Bytes=5-6", ByteRange(5, 2)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-4", None),
        ("bytes=0-1,4-5", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=0-99999999999999999999", None),
    ],
)
def test_one_range_is_read_and_others_are_ignored(
    header: str | None, expected: ByteRange | None
) -> None:
    assert expected == read_range(header, 100)


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_file_is_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        read_range(header, 100)


def test_an_empty_file_has_no_ranges() -> None:
    with pytest.raises(RangeNotSatisfiable):
        read_range("bytes=0-", 0)
    with pytest.raises(RangeNotSatisfiable):
        read_range("bytes=-5", 0)


def test_content_range_names_first_last_and_size() -> None:
    assert "bytes 90-99/100" == ByteRange(90, 10).content_range(100)


@given(st.text(max_size=20) | st.from_regex(r"bytes=\d{0,5}-\d{0,5}", fullmatch=True))
def test_any_range_lies_inside_the_file(header: str) -> None:
    try:
        found = read_range(header, 1000)
    except RangeNotSatisfiable:
        return
    assert found is None or (0 <= found.start and 1 <= found.length <= 1000 - found.start)
