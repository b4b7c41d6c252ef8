"""Places on this machine: directories and files read and written directly."""
