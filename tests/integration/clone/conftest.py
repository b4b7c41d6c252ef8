"""The command line as a function."""

from tests.integration.flows.conftest import lifeboat

__all__ = ["lifeboat"]
