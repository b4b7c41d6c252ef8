"""Makes the recovery kit, brings everything back from it on a bare machine, and drills that: a start from nothing."""
