"""Places: where a service's files are. `local:/path`, `docker:container:/path`; `ssh:host:/path`."""
