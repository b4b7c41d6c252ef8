"""Stores backups in a restic repository, and translates the errors of restic and of remote repositories."""
