"""The toy service, and the command line as a function."""

from tests.contract.toy_site import toy, toy_template
from tests.integration.flows.conftest import lifeboat

__all__ = ["lifeboat", "toy", "toy_template"]
