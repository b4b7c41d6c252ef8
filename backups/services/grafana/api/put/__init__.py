"""Puts what a backup holds into a running Grafana over its HTTP API, in an order that works."""
