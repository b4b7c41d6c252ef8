"""Watches a site between verifications: its status and metrics, what calls for a restore, and restores without being asked."""
