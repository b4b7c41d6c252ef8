"""The binary log: pulled from the server, read, put together, and searched for a moment."""
