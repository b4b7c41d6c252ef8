"""Brings a backup back as a running server: `copy.py` has the order of steps."""
