"""WHEN and in which ORDER: one flow a verb (`backup.py`, `verify.py`), and the command line in `commands/`.

Importing this package does not import Prefect: `list` and `doctor` never start it.
"""
