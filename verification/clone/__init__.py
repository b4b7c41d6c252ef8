"""Makes a masked copy of a backup for developers: compared with its witness first, then masked, searched, and only then delivered."""
