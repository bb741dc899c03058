"""Children that do not outlive their parent, where the kernel can see to it."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def dies_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    """Make a child's first act: ask the kernel for a signal when its parent ends.

    The parent is the thread that starts the child. Elsewhere than on Linux the act does nothing.

    Args:
        parent: process id of the parent, to notice that it ended before the kernel was asked.
        number: the signal.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    # Looked up here: between fork and exec nothing may be imported or loaded.
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def die_with_parent() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return die_with_parent
