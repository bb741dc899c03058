"""Reads the configuration with this product's own adapters in mind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.config.load import Loaded, load
from proxy.providers import PROVIDERS

if TYPE_CHECKING:
    from proxy.app.options import ServeOptions


def read_config(options: ServeOptions, now_s: float) -> Loaded:
    """Read, check and compile the files. Raises ConfigError with every problem."""
    return load(
        options.config,
        policies_path=options.policies,
        env=os.environ,
        credential_models={name: item.credentials_model for name, item in PROVIDERS.items()},
        now_s=now_s,
        spoken={name: item.verbs for name, item in PROVIDERS.items()},
    )
