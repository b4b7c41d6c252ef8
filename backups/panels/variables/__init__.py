"""Gives variables of dashboards their values, as Grafana's pages do, and fills them into queries.

Next files: `resolve.py`, what a variable's value is; `fill.py`, how it gets into a query.
"""
