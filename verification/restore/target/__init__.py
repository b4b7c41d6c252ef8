"""Where a restore puts what it has brought back: a place, a new container, or a running server that takes it by its API."""
