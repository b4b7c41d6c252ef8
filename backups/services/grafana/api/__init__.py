"""Backs up and restores a Grafana without file access (Grafana Cloud) through its HTTP API: `method: api` in lifeboat.yaml.

`resources/` has a module for each kind of object (`contact_points.py`): how it is read, compared and put back; `order.py` there
is the order of a restore. `read.py` reads all of a server, `capture.py` until two readings are the same; `facts.py` is the
witness; `not_restorable.py` lists what cannot come back; `put.py` puts a backup into a server, `copy.py` into a new one in a
sandbox, `receiver.py` into a running one.
"""
