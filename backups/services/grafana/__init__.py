"""Backs up Grafana and proves its backups object by object, in the restored database and over the restored server's HTTP API.

`service.py` is what the rest of Lifeboat calls. `files/` backs up the database and its configuration, `api/` what the HTTP API
returns; neither knows of the other. Both use `client.py` (HTTP), `server.py` (a restored server), `canonical.py` (equal JSON).
"""
