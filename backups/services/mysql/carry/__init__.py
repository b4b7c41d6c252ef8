"""Carries a table's fingerprint through the log: what it was, changed by the images of the rows that the log holds."""
