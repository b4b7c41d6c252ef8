"""Backs up and restores Grafana's own files: its SQLite database, its configuration and its provisioning."""
