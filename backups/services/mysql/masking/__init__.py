"""Makes a copy of a MySQL server in which personal values are replaced: only replaced rows are ever written into it."""
