"""Fixtures for the toy service."""

from tests.contract.toy_site import toy, toy_template

__all__ = ["toy", "toy_template"]
