"""A whole rehearsal on one machine, from nothing: sources, a writer that never stops, backups, proofs, and a damaged copy caught.

The story is `run.py`.
"""
