"""Backs up Prometheus by snapshots of the admin API, and verifies copies by their answers to PromQL queries.

Start with `service.py`; `capture.py` takes a backup, `copy.py` restores one.
"""
