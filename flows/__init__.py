"""Runs the tasks in order, one flow for each command (`backup.py`, `verify.py`), and holds the command line in `commands/`.

Importing this package does not import Prefect: `list` and `doctor` never start it.
"""
