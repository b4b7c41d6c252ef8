"""Reads lifeboat.yaml: `file.py` finds it, reads it and tells its faults; `settings.py` says what it may hold."""
