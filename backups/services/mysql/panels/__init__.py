"""Asks a MySQL server, or its copy, what dashboards' panels ask, and answers as Grafana would."""
