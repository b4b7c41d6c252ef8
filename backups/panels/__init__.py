"""Asks what a dashboard's panels ask, of a source inside its backup and of the copies that come back, and compares the answers.

It knows Grafana's way of asking and answering (`POST /api/ds/query`), and no service: who answers is told by `Asker`.
Next file: `question.py`, what is asked and what an answer is.
"""
