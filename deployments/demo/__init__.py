"""Rehearses backups and restores on one machine, from nothing: sources, writers, backups, drills, and a damaged copy.

Start with `run.py`.
"""
