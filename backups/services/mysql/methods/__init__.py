"""The ways to back a MySQL server up: `clone` (CLONE and the binary log) and `dump` (SQL)."""
