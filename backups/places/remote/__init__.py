"""Places on another machine, read and written over SSH."""
