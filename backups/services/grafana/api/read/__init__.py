"""Reads every kind of object from a running Grafana over its HTTP API."""
