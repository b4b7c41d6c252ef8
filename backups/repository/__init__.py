"""The restic repository: what is stored in it, restic's errors, and what is reached over a network."""
