"""A stand-in for Grafana: answers the routes that Lifeboat and its demo use, from a real `grafana.db`.

Read ../README.md first.

Standard library only. `__main__` starts it, `http` is the wire, `routes` names every answer, `storage` reads and writes dashboards and
folders wherever the database keeps them.
"""
