"""Brings a backup back as a running server: `copy.py` is the order of steps."""
