"""Reads lifeboat.yaml: `file.py` finds and checks it, `settings.py` defines what it may hold."""
