"""Writes the evidence as a page for people (`page.py`) and as JUnit XML for pipelines (`junit.py`)."""
