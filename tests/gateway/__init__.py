"""The gateway over the real store, with scripted providers."""

import pytest

pytest.register_assert_rewrite("tests.gateway.harness")
