"""Delivers what a restore has brought back: into a place, a new container, or a running server through its API."""
