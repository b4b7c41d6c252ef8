"""Asks a Prometheus what Grafana would ask for a panel, and makes of its answers the frames that Grafana would make.

Pure, and of the standard library alone: the stand-in's image holds it. `step.py` fills a query in, `reply.py` gives the calls and
reads their answers. Both are held to what a real Grafana 12.4 answered (`../shared/field-data/grafana/recorded/ds-query`).
"""
