"""Pulls the binary log from the server, puts a chain's log together, and finds the position of a moment in it."""
