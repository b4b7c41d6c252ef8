"""Reads and writes a service's files where they are: `local:/path`, `docker:container:/path` or `ssh:host:/path`."""
