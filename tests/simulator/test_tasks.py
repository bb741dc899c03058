from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.simulator.directives import OUTCOMES, Plan
from proxy.simulator.tasks import Order, Phase, Task, TaskBook
from tests.simulator.simulated import Clock


def an_order(plan: Plan, *, seconds: int = 5, rate: int = 84_000, clips: int = 1) -> Order:
    return Order(
        provider="kling",
        account="default",
        model="kling-3.0",
        external_id="e",
        seconds=seconds,
        width=1280,
        height=720,
        clips=clips,
        micro_usd_per_s=rate,
        plan=plan,
    )


def a_task(outcome: str = "ok", bill: Fraction = Fraction(1)) -> Task:
    plan = Plan(outcome=outcome, bill=bill)
    return Task("1", an_order(plan), created_at_s=100.0, render_s=10.0)


@pytest.mark.parametrize(
    ("outcome", "phase", "micro_usd"),
    [
        ("ok", Phase.SUCCEEDED, 420_000),
        ("garbage", Phase.SUCCEEDED, 420_000),
        ("vanish", Phase.VANISHED, 420_000),
        ("internal", Phase.FAILED, 0),
        ("content_policy", Phase.FAILED, 0),
        ("filtered", Phase.FAILED, 0),
        ("hang", Phase.PROCESSING, 0),
    ],
)
def test_each_outcome_ends_and_bills_as_documented(
    outcome: str, phase: Phase, micro_usd: int
) -> None:
    task = a_task(outcome)
    assert phase is task.phase(110.0)
    assert micro_usd == task.invoiced_micro_usd(110.0)


def test_a_task_is_submitted_then_processing_then_ended() -> None:
    task = a_task()
    phases = [task.phase(at) for at in (100.0, 100.99, 101.0, 109.9, 110.0, 999.0)]
    assert [
        "submitted",
        "submitted",
        "processing",
        "processing",
        "succeeded",
        "succeeded",
    ] == phases
    assert [100.0, 101.0, 110.0] == [task.updated_at_s(at) for at in (100.5, 105.0, 999.0)]


def test_an_unfinished_task_costs_nothing() -> None:
    assert 0 == a_task().invoiced_micro_usd(109.9)


def test_every_clip_is_billed_and_the_factor_is_exact() -> None:
    plan = Plan(bill=Fraction("1.5"))
    task = Task("1", an_order(plan, seconds=7, rate=112_000, clips=3), 0.0, 0.0)
    assert 21 == task.billed_seconds
    assert 3_528_000 == task.price_micro_usd


@given(st.sampled_from(sorted(OUTCOMES)), st.fractions(0, 10), st.floats(0, 1e6))
def test_an_invoice_is_all_or_nothing(outcome: str, bill: Fraction, elapsed_s: float) -> None:
    task = a_task(outcome, bill)
    assert task.invoiced_micro_usd(100.0 + elapsed_s) in {0, task.price_micro_usd}


def test_a_book_finds_tasks_by_both_ids_and_counts_the_unfinished() -> None:
    clock = Clock(0.0)
    book = TaskBook(clock, default_render_s=10.0)
    slow = book.accept("1", an_order(Plan()))
    fast = book.accept("2", an_order(Plan(render_s=1.0)))
    assert slow is book.get("kling", "1")
    assert book.get("vertex", "1") is None
    assert fast is book.by_external_id("kling", "default", "e")
    assert book.by_external_id("kling", "other", "e") is None
    counts = []
    for _ in range(3):
        counts.append(book.unfinished("kling", "default", "kling-3.0"))
        clock.advance(5.0)
    assert [2, 1, 0] == counts
    assert 0 == book.unfinished("kling", "default", "kling-2.6")
    book.reset()
    assert () == book.all()
