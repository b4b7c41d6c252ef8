"""Reads and writes files of this machine."""
