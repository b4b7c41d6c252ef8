"""Puts the parts together to the methods of backing a MySQL server up: `clone` (CLONE and the binary log), `dump` (SQL)."""
