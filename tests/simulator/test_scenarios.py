import pytest

from proxy.simulator.directives import BadDirectiveError, Plan
from proxy.simulator.scenarios import Scenarios

PROMPT = "a cat [[submit=503 times=2]]"


@pytest.fixture
def scenarios() -> Scenarios:
    return Scenarios(("kling", "vertex"))


def submits(scenarios: Scenarios, vendor: str, prompt: str, count: int) -> list[str]:
    return [scenarios.next_submit(vendor, prompt).submit for _ in range(count)]


def test_times_counts_submits_of_one_prompt(scenarios: Scenarios) -> None:
    assert ["503", "503", "ok", "ok"] == submits(scenarios, "kling", PROMPT, 4)


def test_times_counts_per_vendor_and_per_whole_prompt(scenarios: Scenarios) -> None:
    submits(scenarios, "kling", PROMPT, 3)
    assert ["503"] == submits(scenarios, "vertex", PROMPT, 1)
    assert ["503"] == submits(scenarios, "kling", PROMPT + "!", 1)


def test_two_groups_may_hold_for_different_times(scenarios: Scenarios) -> None:
    prompt = "[[submit=500 times=1]] [[submit=429 times=1]] [[outcome=internal times=3]]"
    plans = [scenarios.next_submit("kling", prompt) for _ in range(4)]
    assert ["429", "ok", "ok", "ok"] == [plan.submit for plan in plans]
    assert ["internal"] * 3 + ["ok"] == [plan.outcome for plan in plans]


def test_a_group_for_another_vendor_does_not_hold(scenarios: Scenarios) -> None:
    assert ["ok"] == submits(scenarios, "vertex", "[[kling: submit=503]]", 1)
    assert ["503"] == submits(scenarios, "kling", "[[kling: submit=503]]", 1)


def test_the_group_that_names_the_vendor_wins(scenarios: Scenarios) -> None:
    prompt = "[[kling: submit=503]] [[submit=429]]"
    assert ["503"] == submits(scenarios, "kling", prompt, 1)
    assert ["429"] == submits(scenarios, "vertex", prompt, 1)


def test_a_default_counts_all_submits_of_its_vendor(scenarios: Scenarios) -> None:
    scenarios.set_default("kling", "submit=503 times=2")
    assert ["503"] == submits(scenarios, "kling", "one", 1)
    assert ["ok"] == submits(scenarios, "vertex", "one", 1)
    assert ["503"] == submits(scenarios, "kling", "two", 1)
    assert ["ok"] == submits(scenarios, "kling", "three", 1)


def test_a_prompt_overrides_the_default(scenarios: Scenarios) -> None:
    scenarios.set_default("kling", "submit=503 render=9")
    plan = scenarios.next_submit("kling", "[[submit=ok]]")
    assert Plan(render_s=9.0) == plan


def test_setting_a_default_again_counts_from_zero_and_empty_clears(scenarios: Scenarios) -> None:
    for _ in range(2):
        scenarios.set_default("kling", "submit=503 times=1")
        assert ["503", "ok"] == submits(scenarios, "kling", "a", 2)
    scenarios.set_default("kling", "submit=503")
    scenarios.set_default("kling", " ")
    assert ["ok"] == submits(scenarios, "kling", "a", 1)


def test_a_default_may_not_name_another_vendor(scenarios: Scenarios) -> None:
    with pytest.raises(BadDirectiveError):
        scenarios.set_default("kling", "vertex: submit=503")


def test_a_status_fault_hits_each_task_as_often_as_it_says(scenarios: Scenarios) -> None:
    plan = Plan(status="503", status_times=2)

    def read(*names: str) -> str:
        return scenarios.next_read("kling", dict.fromkeys(names, plan), is_find=False)

    assert ["503", "503", "ok"] == [read("1"), read("1"), read("1")]
    assert ["503", "503", "ok"] == [read("1", "2"), read("2"), read("1", "2")]


def test_a_find_fault_does_not_hit_a_status_call(scenarios: Scenarios) -> None:
    plans = {"1": Plan(find="hang")}
    assert "ok" == scenarios.next_read("kling", plans, is_find=False)
    assert ["hang"] * 3 == [scenarios.next_read("kling", plans, is_find=True) for _ in range(3)]


def test_a_default_read_fault_holds_for_known_and_unknown_tasks(scenarios: Scenarios) -> None:
    scenarios.set_default("kling", "find=503 status=429 status_times=1")
    assert Plan() == scenarios.next_submit("kling", "a cat")
    assert "503" == scenarios.next_read("kling", {}, is_find=True)
    assert "429" == scenarios.next_read("kling", {"1": Plan()}, is_find=False)
    assert "ok" == scenarios.next_read("kling", {"1": Plan()}, is_find=False)
    scenarios.reset()
    assert "ok" == scenarios.next_read("kling", {}, is_find=True)
