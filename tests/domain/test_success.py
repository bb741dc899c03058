"""The record of recent attempts: few samples decide little, and old ones nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.success import FORGOTTEN_S, Record, record_of, sample_of

NOW_S = 1_795_348_800.5


def test_it_counts_what_is_recent() -> None:
    samples = [
        sample_of(NOW_S - FORGOTTEN_S - 1, is_good=True),
        sample_of(NOW_S - 5, is_good=True),
        sample_of(NOW_S, is_good=False),
    ]
    assert Record(1, 2) == record_of(samples, NOW_S)


def test_without_recent_attempts_nothing_is_known() -> None:
    assert record_of([], NOW_S) is None
    assert record_of([sample_of(NOW_S, is_good=False)], NOW_S + FORGOTTEN_S + 1) is None


def test_few_samples_decide_little() -> None:
    shares = [round(Record(good, all_).share, 2) for good, all_ in ((0, 1), (1, 1), (0, 64))]
    assert [0.82, 0.91, 0.12] == shares


@given(st.lists(st.booleans(), min_size=1, max_size=64))
def test_the_share_lies_between_what_was_seen_and_what_is_expected(outcomes: list[bool]) -> None:
    record = record_of([sample_of(NOW_S, is_good=good) for good in outcomes], NOW_S)
    assert record == Record(sum(outcomes), len(outcomes))
    assert record is not None
    seen = sum(outcomes) / len(outcomes)
    assert min(seen, 0.9) <= record.share <= max(seen, 0.9)
