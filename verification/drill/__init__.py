"""One drill: a backup is fetched, started in a sandbox, compared with its witness, and timed."""
