"""Finds out whether a repository can be emptied with the credentials that lie on this machine, without trying it."""
