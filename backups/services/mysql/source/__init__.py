"""Connects to the live server, and reads its version, settings, privileges and position in the binary log."""
