"""Follows the log of a service between two backups, and keeps it in the repository piece by piece."""
