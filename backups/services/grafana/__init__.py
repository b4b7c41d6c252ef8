"""Grafana: its SQLite database, online; proven object by object, in the restored file and through the restored server's HTTP API.

`service` captures, `witness` states the facts of a database, `copy` brings one back, `answers` reads it over HTTP.
"""
