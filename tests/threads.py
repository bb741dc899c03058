"""What is done off the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Recording(ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(max_workers=4)
        self.called: list[str] = []

    @override
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        # asyncio.to_thread submits a partial whose first argument is what it was given.
        self.called += [getattr(argument, "__name__", "?") for argument in fn.args[:1]]  # type: ignore[attr-defined]
        return super().submit(fn, *args, **kwargs)


@contextmanager
def off_the_loop() -> Iterator[list[str]]:
    """Names of the functions that this loop gives to other threads while the block runs."""
    executor = _Recording()
    asyncio.get_running_loop().set_default_executor(executor)
    yield executor.called
