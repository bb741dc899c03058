"""The deployment of the system tests."""

from tests.system.conftest import deployment

__all__ = ["deployment"]
