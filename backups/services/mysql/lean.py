"""Holds the options that make a server of Lifeboat's own small: nobody looks at how it works, so it keeps no record of that."""

_HISTORIES = ("statements", "waits", "stages", "transactions")

OPTIONS = (
    "--loose-mysqlx=OFF",
    "--loose-innodb-numa-interleave=OFF",
    # What is read of its tables (CLONE, replay, variables) is there; room for the rest takes 100 MB, and a quarter of a start.
    *(f"--loose-performance-schema-events-{each}-history{long}-size=0" for each in _HISTORIES for long in ("", "-long")),
    "--loose-performance-schema-digests-size=0",
    "--loose-performance-schema-error-size=0",
    "--loose-performance-schema-session-connect-attrs-size=0",
    "--loose-performance-schema-max-statement-classes=0",
    "--loose-performance-schema-max-memory-classes=0",
)
