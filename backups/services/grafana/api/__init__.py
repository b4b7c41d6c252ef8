"""Grafana without file access (Grafana Cloud): read and brought back through its HTTP API. `method: api` in lifeboat.yaml.

`client.py` is the wire; `kinds.py` names what there is, and what of it is neither kept nor compared, with the reasons;
`read/` reads all of it, `capture.py` until two readings are the same; `facts.py` is the witness; `not_restorable.py` says what
cannot come back; `put/` puts a backup into a server, in an order that works; `copy.py` does so with a new server in a sandbox.
"""
