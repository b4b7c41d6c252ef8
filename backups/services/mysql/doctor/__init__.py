"""Whether a source can be backed up: `doctor.py` asks, `checks.py` has one function a reason."""
