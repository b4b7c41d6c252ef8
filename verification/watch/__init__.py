"""Whether all is well between verifications: status, metrics, the watch, and restoring by itself."""
