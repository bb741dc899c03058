"""Refusals within a time make a pause; old ones are forgotten, and no rule cuts a pause short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.domain.moderation import Moderation, Record, strike
from tests.builders import NOW_MS

RULE = Moderation(refusals=3, within_ms=60_000, cool_down_ms=10_000)


def struck(*ages_ms: int, rule: Moderation = RULE) -> Record:
    record = Record()
    for age_ms in ages_ms:
        record = strike(record, rule, NOW_MS - age_ms)
    return record


def test_the_last_of_so_many_begins_a_pause() -> None:
    assert 0 == struck(50_000, 20_000).until_ms
    assert NOW_MS + 10_000 == struck(50_000, 20_000, 0).until_ms


def test_one_that_is_too_old_does_not_count() -> None:
    record = struck(60_000, 20_000, 0)
    assert 0 == record.until_ms
    assert (NOW_MS - 20_000, NOW_MS) == record.refused_at_ms == record.recent(RULE, NOW_MS)
    assert (NOW_MS,) == record.recent(RULE, NOW_MS + 40_000)


def test_after_a_pause_the_recent_ones_still_count() -> None:
    record = struck(30_000, 25_000, 20_000, 0)
    assert NOW_MS + 10_000 == record.until_ms
    assert 3 == len(record.refused_at_ms)


def test_a_milder_rule_cuts_no_pause_short() -> None:
    mild = Moderation(refusals=1, within_ms=1, cool_down_ms=1)
    assert NOW_MS + 9_000 == strike(struck(21_000, 11_000, 1_000), mild, NOW_MS).until_ms


@given(st.lists(st.integers(0, 30_000), max_size=40))
def test_a_pause_is_one_of_the_last_so_many_and_never_moves_back(waits_ms: list[int]) -> None:
    record, now_ms, all_ms = Record(), NOW_MS, []
    for wait_ms in waits_ms:
        now_ms += wait_ms
        before, record = record, strike(record, RULE, now_ms)
        all_ms.append(now_ms)
        recent = [at_ms for at_ms in all_ms if at_ms > now_ms - RULE.within_ms]
        assert tuple(recent[-RULE.refusals :]) == record.refused_at_ms
        begins = len(recent) >= RULE.refusals
        assert record.until_ms == (now_ms + RULE.cool_down_ms if begins else before.until_ms)
