"""The bucket that a `storageUri` names: its objects, read with the same bearer token.

Source: https://docs.cloud.google.com/storage/docs/json_api/v1/objects/get, 2026-11-22. Every
bucket exists and its project may read it; nothing else of Cloud Storage is here.
"""

from aiohttp import web

from proxy.simulator.links import clip_of, send_clip
from proxy.simulator.tasks import Phase, Task
from proxy.simulator.vendors.vertex.auth import callers
from proxy.simulator.vendors.vertex.errors import VertexError, fault_error
from proxy.simulator.world import CALL, World

SCHEME = "gs://"
_KEPT = "gcs"


def object_uri(task: Task, index: int) -> str:
    """Return where a task's clip lies: below the asked prefix and the operation's id."""
    assert task.order.output_uri is not None
    operation = task.task_id.rpartition("/")[2]
    return f"{task.order.output_uri.rstrip('/')}/{operation}/sample_{index}.mp4"


def keep(world: World, task: Task) -> None:
    """Let the task's clips be found by their names."""
    for index in range(task.order.clips):
        name = object_uri(task, index).removeprefix(SCHEME)
        world.kept[_KEPT, name] = {"task_id": task.task_id}


def stored(provider: str, world: World, uri: str) -> bytes | None:
    """Return the clip that an operation has written to a URI; None if there is none."""
    task = _written(provider, world, uri.removeprefix(SCHEME))
    return None if task is None else b"".join(clip_of(task).chunks())


def _written(provider: str, world: World, name: str) -> Task | None:
    kept = world.kept.get((_KEPT, name))
    task = world.tasks.get(provider, str(kept["task_id"])) if kept else None
    return task if task and task.phase(world.now_s()) in _WRITTEN else None


class Storage:
    """The one method of Cloud Storage that a caller of Veo needs."""

    def __init__(self, provider: str, world: World) -> None:
        self._provider = provider
        self._world = world

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Answer an object's content, or without `alt=media` the little that is known of it."""
        world, call = self._world, request[CALL]
        call.operation = "download"
        known = callers(request, world)
        bucket, name = request.match_info["bucket"], request.match_info["object"]
        task = _written(self._provider, world, f"{bucket}/{name}")
        if task is None:
            raise VertexError(status="NOT_FOUND", message=f"No such object: {bucket}/{name}")
        call.task_id = task.task_id
        if task.order.account not in {project.project for project in known}:
            message = "The caller does not have storage.objects.get access to the object."
            raise VertexError(status="PERMISSION_DENIED", message=message)
        if request.query.get("alt") != "media":
            meta = {"kind": "storage#object", "bucket": bucket, "name": name}
            return web.json_response(meta | {"contentType": "video/mp4"})
        fault = world.scenarios.next_download(self._provider, task.task_id, task.order.plan)
        if fault in {"404", "expired"}:  # an object that a lifecycle rule removed
            raise fault_error("404")  # noqa: EM101 - a directive's word
        return await send_clip(request, world, task, fault)


_WRITTEN = frozenset({Phase.SUCCEEDED, Phase.VANISHED})
