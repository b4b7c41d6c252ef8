"""A site with the toy service, and the command line as a function."""

from tests.contract.logged_toy import logged
from tests.contract.toy_site import toy, toy_template
from tests.integration.flows.conftest import lifeboat

__all__ = ["lifeboat", "logged", "toy", "toy_template"]
