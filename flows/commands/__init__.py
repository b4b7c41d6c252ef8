"""What an operator types: one file a verb. `main.py` puts them together and turns faults into messages and exit codes."""
