"""This machine: commands, Docker, locks, disk space, runs, and work side by side."""
