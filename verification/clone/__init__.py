"""Makes masked copies of backups for developers: compared with the witness, masked, searched, and only then delivered."""
