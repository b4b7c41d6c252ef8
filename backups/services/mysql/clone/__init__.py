"""Takes a full backup by the server's own CLONE: `clone.py` runs it, `recipient.py` is the server that receives it."""
