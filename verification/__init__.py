"""Proves backups: brings them back in sandboxes, compares them with their witness, and times that.

It knows nothing of Prefect.

sandbox    the isolated Docker copies of one drill
drill      restore one chain into a sandbox, check it against its witness, time it
phase      a timed step of a drill: fetch, start, replay, ready, check
verdict    `verified`, `failed` (the backup is at fault, or too slow), `could-not-run` (nothing was proven either way)
tamper     a fault made on purpose in a copy, to see that the verifier finds it
evidence   what a verification found: report.json, report.html, junit.xml
proof      what the evidence shows of one backup: its verdict, how long the restore took, and when

A verification is run by `verification/verify.py`, one drill by `verification/drill/drill.py`.
"""
