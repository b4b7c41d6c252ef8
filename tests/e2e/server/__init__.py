"""A Prefect server as `make server` starts it. A package: its server ends with its last test, not with the whole run."""
