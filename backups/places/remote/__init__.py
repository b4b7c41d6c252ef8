"""Reads and writes files of another machine over SSH."""
