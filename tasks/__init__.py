"""WHAT Prefect retries, times and shows: each task calls one function of the domain or of the proof."""
