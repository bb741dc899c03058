import pytest

from tests.simulator.simulated import Simulated


async def test_a_task_advances_with_the_clock_to_an_output_and_a_charge(sim: Simulated) -> None:
    task_id = await sim.kling_id(settings={"duration": 7}, options={"external_task_id": "mine"})
    seen = []
    for _ in range(3):
        task = await sim.kling_task(task_id)
        assert ([], []) == (task["outputs"], task["billing"]) or task["status"] == "succeeded"
        seen.append(task["status"])
        sim.clock.advance(5)
    assert ["submitted", "processing", "succeeded"] == seen
    task = await sim.kling_task(task_id)
    (output,) = task["outputs"]
    assert ("video", "7") == (output["type"], output["duration"])
    assert output["url"].startswith(f"{sim.url}/clips/kling/")
    assert task["update_time"] - task["create_time"] == 10_000
    assert task["billing"] == [
        {
            "charge_type": "cash",
            "cash_type": "balance",
            "amount": "0.588000",
            "currency": "USD",
            "list_price": "0.588000",
        }
    ]


async def test_the_charge_follows_the_bill_factor_and_equals_the_invoice(sim: Simulated) -> None:
    task_id = await sim.kling_id("a [[bill=0.3333x]]")
    sim.clock.advance(10)
    (billing,) = (await sim.kling_task(task_id))["billing"]
    assert ("0.139986", "0.420000") == (billing["amount"], billing["list_price"])
    assert 139_986 == (await sim.invoice())["total_micro_usd"]


async def test_many_tasks_are_asked_for_at_once(sim: Simulated) -> None:
    ids = [await sim.kling_id(options={"external_task_id": f"e{i}"}) for i in range(3)]
    by_id = await sim.get(f"/kling/tasks?task_ids={','.join(ids)},404")
    by_external = await sim.get("/kling/tasks?external_task_ids=e2,e0,none")
    assert ids == [task["id"] for task in by_id.json["data"]]
    assert ["e2", "e0"] == [task["external_id"] for task in by_external.json["data"]]
    (status,) = await sim.calls("kling", "status")
    (find,) = await sim.calls("kling", "find")
    assert (",".join(ids), f"{ids[2]},{ids[0]}") == (status["task_id"], find["task_id"])


@pytest.mark.parametrize(
    "query", ["", "task_ids=", "task_ids=1&external_task_ids=2", "task_ids=1&page=2", "ids=1"]
)
async def test_a_query_needs_exactly_one_kind_of_id(sim: Simulated, query: str) -> None:
    answer = await sim.get(f"/kling/tasks?{query}")
    assert (400, 1201) == (answer.status, answer.json["code"])


@pytest.mark.parametrize(("asked", "status"), [(50, 200), (51, 400)])
async def test_one_query_names_so_many_tasks(sim: Simulated, asked: int, status: int) -> None:
    task_id = await sim.kling_id()
    names = ",".join([task_id, *(str(number) for number in range(1, asked))])
    assert status == (await sim.get(f"/kling/tasks?task_ids={names}")).status


@pytest.mark.parametrize("query", ["task_ids=1", "external_task_ids=1"])
async def test_a_task_nobody_created_does_not_exist(sim: Simulated, query: str) -> None:
    answer = await sim.get(f"/kling/tasks?{query}")
    assert (404, 1203) == (answer.status, answer.json["code"])


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("internal", "internal error"),
        ("content_policy", "risk control"),
        ("filtered", "risk control"),
    ],
)
async def test_a_failed_task_says_why_and_costs_nothing(
    sim: Simulated, outcome: str, words: str
) -> None:
    task_id = await sim.kling_id(f"a [[outcome={outcome}]]")
    sim.clock.advance(10)
    task = await sim.kling_task(task_id)
    assert ("failed", [], []) == (task["status"], task["outputs"], task["billing"])
    assert words in task["message"]
    assert 0 == (await sim.invoice())["total_micro_usd"]


async def test_a_hanging_task_never_ends_and_a_quick_one_ends_at_once(sim: Simulated) -> None:
    hanging = await sim.kling_id("a [[outcome=hang]]")
    quick = await sim.kling_id("a [[render=0]]")
    assert "succeeded" == (await sim.kling_task(quick))["status"]
    sim.clock.advance(1e6)
    assert "processing" == (await sim.kling_task(hanging))["status"]


async def test_a_vanished_task_is_gone_and_billed(sim: Simulated) -> None:
    task_id = await sim.kling_id("a [[outcome=vanish]]", options={"external_task_id": "v"})
    other = await sim.kling_id("b")
    assert "submitted" == (await sim.kling_task(task_id))["status"]
    sim.clock.advance(10)
    for query in (f"task_ids={task_id}", "external_task_ids=v"):
        assert 404 == (await sim.get(f"/kling/tasks?{query}")).status
    both = await sim.get(f"/kling/tasks?task_ids={task_id},{other}")
    assert [other] == [task["id"] for task in both.json["data"]]
    (line, _) = (await sim.invoice())["tasks"]
    assert ("vanished", 420_000) == (line["status"], line["micro_usd"])


async def test_a_garbled_task_spoils_only_its_own_answer(sim: Simulated) -> None:
    bad, good = await sim.kling_id("a [[outcome=garbage]]"), await sim.kling_id("b")
    assert "submitted" == (await sim.kling_task(bad))["status"]
    sim.clock.advance(10)
    with pytest.raises(ValueError, match="Expecting"):
        await sim.get(f"/kling/tasks?task_ids={bad}")
    both = (await sim.get(f"/kling/tasks?task_ids={bad},{good}")).json["data"]
    assert [7, "succeeded"] == [task["status"] for task in both]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [("401", 401, 1000), ("429", 429, 1302), ("500", 500, 5000), ("504", 504, 5002)],
)
async def test_a_status_fault_ends_after_its_times(
    sim: Simulated, fault: str, status: int, code: int
) -> None:
    task_id = await sim.kling_id(f"a [[status={fault} status_times=1]]")
    path = f"/kling/tasks?task_ids={task_id}"
    first = await sim.get(path)
    assert (status, code) == (first.status, first.json["code"])
    assert 200 == (await sim.get(path)).status


async def test_a_find_fault_can_hold_for_ids_nobody_knows(sim: Simulated) -> None:
    await sim.post("/_sim/scenarios", {"provider": "kling", "directive": "find=503"})
    assert 503 == (await sim.get("/kling/tasks?external_task_ids=1")).status
    assert 404 == (await sim.get("/kling/tasks?task_ids=1")).status
