"""What the source held at one instant: rows and fingerprints of tables, definitions, accounts."""
