import pytest

from tests.simulator.simulated import T2V, Simulated


async def test_the_invoice_and_the_call_log_have_their_published_shapes(sim: Simulated) -> None:
    task_id = await sim.kling_id("a [[label=take-1]]", options={"external_task_id": "mine"})
    sim.clock.advance(10)
    assert await sim.invoice() == {
        "tasks": [
            {
                "provider": "kling",
                "task_id": task_id,
                "external_id": "mine",
                "model": "kling-3.0",
                "seconds": 5,
                "status": "succeeded",
                "micro_usd": 420_000,
                "label": "take-1",
            }
        ],
        "total_micro_usd": 420_000,
    }
    assert (await sim.get("/_sim/calls")).json == {
        "calls": [
            {
                "provider": "kling",
                "operation": "submit",
                "task_id": task_id,
                "accepted": True,
                "status": 200,
                "at": 1_795_000_000.0,
                "label": "take-1",
                "traceparent": "",
                "inputs": {},
            }
        ]
    }


@pytest.mark.parametrize("provider", ["kling", "vertex", "runway", "openai"])
async def test_every_submit_is_logged_with_the_label_of_its_prompt(
    sim: Simulated, provider: str
) -> None:
    submit = {
        "kling": sim.kling,
        "vertex": sim.vertex,
        "runway": sim.runway_submit,
        "openai": sim.openai_submit,
    }[provider]
    prompt = "a [[label=take-1]] [[submit=503 times=1]]"
    assert [503, 200] == [(await submit(prompt)).status for _ in range(2)]
    calls = await sim.calls(provider, "submit")
    assert [("take-1", False), ("take-1", True)] == [
        (call["label"], call["accepted"]) for call in calls
    ]
    assert ["take-1"] == [task["label"] for task in (await sim.invoice())["tasks"]]


async def test_the_total_is_the_sum_over_both_vendors(sim: Simulated) -> None:
    await sim.kling_id("a [[bill=1.5x]]", settings={"duration": 3, "resolution": "4k"})
    await sim.vertex_id("b", durationSeconds=4, generateAudio=False, sampleCount=2)
    await sim.vertex_id("c [[outcome=filtered]]")
    await sim.kling_id("d [[render=99]]")
    sim.clock.advance(10)
    invoice = await sim.invoice()
    assert [1_890_000, 640_000, 0, 0] == [line["micro_usd"] for line in invoice["tasks"]]
    assert [3, 8, 8, 5] == [line["seconds"] for line in invoice["tasks"]]
    assert ["succeeded", "succeeded", "failed", "processing"] == [
        line["status"] for line in invoice["tasks"]
    ]
    assert 2_530_000 == invoice["total_micro_usd"]


async def test_a_default_scenario_holds_until_its_times_are_used(sim: Simulated) -> None:
    set_ = await sim.post(
        "/_sim/scenarios", {"provider": "kling", "directive": "submit=503 times=2"}
    )
    assert 200 == set_.status
    assert [503, 503, 200] == [(await sim.kling()).status for _ in range(3)]
    assert 200 == (await sim.vertex()).status


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"provider": "kling", "directive": "submit=fine"}, "fine"),
        ({"provider": "sora", "directive": "submit=503"}, "sora"),
        ({"provider": "kling"}, "directive"),
        ({"directive": "submit=503"}, "provider"),
        ({"provider": "kling", "directive": "", "extra": 1}, "extra"),
        ([], "object"),
    ],
)
async def test_a_bad_scenario_is_refused_by_name(sim: Simulated, body: object, named: str) -> None:
    answer = await sim.post("/_sim/scenarios", body)
    assert 400 == answer.status
    assert named in answer.json["error"]


async def test_a_scenario_that_is_not_json_is_refused(sim: Simulated) -> None:
    assert 400 == (await sim.call("POST", "/_sim/scenarios", data=b"{")).status


async def test_reset_forgets_tasks_calls_scenarios_and_counts(sim: Simulated) -> None:
    prompt = "a [[submit=503 times=1]]"
    await sim.post("/_sim/scenarios", {"provider": "kling", "directive": "render=1"})
    assert [503, 200] == [(await sim.kling(prompt)).status for _ in range(2)]
    assert 200 == (await sim.post("/_sim/reset", {})).status
    assert {"tasks": [], "total_micro_usd": 0} == await sim.invoice()
    assert {"calls": []} == (await sim.get("/_sim/calls")).json
    assert 503 == (await sim.kling(prompt)).status
    task_id = await sim.kling_id()
    sim.clock.advance(5)
    assert "processing" == (await sim.kling_task(task_id))["status"]


async def test_a_request_no_vendor_knows_is_logged_as_unknown(sim: Simulated) -> None:
    await sim.get(T2V)
    (call,) = await sim.calls("kling", "unknown")
    assert (404, False) == (call["status"], call["accepted"])
