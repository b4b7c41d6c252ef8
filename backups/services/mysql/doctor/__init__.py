"""Examines whether a source can be backed up: `doctor.py` runs what `checks.py` describes."""
