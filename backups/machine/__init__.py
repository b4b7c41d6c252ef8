"""Controls this machine: commands, Docker, locks, disk space, runs, and work in parallel."""
