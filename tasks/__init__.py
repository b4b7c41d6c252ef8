"""Runs one function of the domain or of the verification in each Prefect task, with retries, timing and artifacts."""
