from pathlib import Path

import pytest

from proxy.simulator.directives import (
    CALLBACK_FAULTS,
    DIRECTIVE_KEYS,
    DOWNLOAD_FAULTS,
    OUTCOMES,
    READ_FAULTS,
    SUBMIT_FAULTS,
)
from proxy.simulator.vendors.kling.catalog import MODELS as KLING_MODELS
from proxy.simulator.vendors.openai.catalog import MODELS as OPENAI_MODELS
from proxy.simulator.vendors.runway.catalog import MODELS as RUNWAY_MODELS
from proxy.simulator.vendors.vertex.catalog import MODELS as VERTEX_MODELS

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


@pytest.mark.parametrize(
    "words",
    [
        DIRECTIVE_KEYS,
        SUBMIT_FAULTS,
        OUTCOMES,
        DOWNLOAD_FAULTS,
        READ_FAULTS,
        CALLBACK_FAULTS,
        KLING_MODELS,
        OPENAI_MODELS,
        RUNWAY_MODELS,
        VERTEX_MODELS,
    ],
)
def test_every_directive_value_and_model_is_documented(words: object) -> None:
    assert isinstance(words, tuple | frozenset | dict)
    page = PAGE.read_text(encoding="utf-8")
    assert [] == [word for word in words if f"`{word}`" not in page]
