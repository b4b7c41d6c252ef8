"""Does for MySQL what Grafana's own backend does between a panel's SQL and its answer: macros before, frames after.

Pure, and standard library only: the stand-in for Grafana has it in its image. Held to what a real Grafana 12.4.3 was recorded to
answer. Next files: `macros.py` (what is filled into the SQL), `replies.py` (what becomes of the rows), `fit.py` (what is asked).
"""
