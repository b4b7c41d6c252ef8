"""Asks servers over HTTP: every answer is bounded in bytes, depth and time, and a password goes to its own server alone.

`line.py` asks and reads; `faults.py` tells evidence that nobody serves from what says nothing about the service; `answer.py`
reads JSON; `address.py` shows urls without secrets, and knows which addresses are this machine's own; `settings.py` has the keys
of lifeboat.yaml for TLS, and what doctor says about them.
"""
