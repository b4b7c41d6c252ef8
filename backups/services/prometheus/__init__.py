"""Prometheus: snapshots by the admin API, blocks that are copied once, and PromQL answers as the proof.

`service.py` is the way in; `capture.py` is the story of a backup, `copy.py` that of a copy.
"""
