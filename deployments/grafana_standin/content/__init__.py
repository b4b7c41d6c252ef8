"""Holds the content of a built database: plain data, as Grafana's own editor would have saved it."""
