"""Measures what a server holds at one instant: rows and fingerprints of tables, definitions, accounts."""
