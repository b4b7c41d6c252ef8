"""Holds what is about several repositories: what one of them lacks of another, and who copies at the same time."""
