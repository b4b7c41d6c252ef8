"""An honest stand-in for Grafana, for machines that cannot have the real image.

Read README.md for what it proves and what it cannot.
"""
