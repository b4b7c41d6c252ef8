"""Reads dashboards of either layout into one form: panels with their queries, variables, a range of time.

Everything in them is foreign: what has not the expected shape reads as absent, and never stops the others.
Next file: `sheet.py`.
"""
