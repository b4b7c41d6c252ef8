"""A full backup by the server's own CLONE: `clone.py` orders it, `recipient.py` is the container that receives it."""
