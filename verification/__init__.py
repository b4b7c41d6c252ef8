"""The proof: backups brought back in sandboxes, compared with their witness, timed, and told. Knows nothing of Prefect.

sandbox    the isolated Docker copies of one drill
drill      restore one chain into a sandbox, check it against its witness, time it
phase      a timed step of a drill: fetch, start, replay, ready, check
verdict    `verified`, `failed` (the backup is at fault, or too slow), `could-not-run` (nothing was proven either way)
tamper     a fault made on purpose in a copy, to see that the verifier finds it
evidence   what a verification found: report.json, report.html, junit.xml
proof      the evidence's word about one backup, kept in the repository

The story of a verification is `verification/verify.py`; of one drill, `verification/drill/drill.py`.
"""
