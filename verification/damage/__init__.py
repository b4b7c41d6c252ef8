"""Drills the verifier: puts faults into copies, one at a time, and sees whether each is noticed.

Next file: `run.py`.

kind.py       what a kind of fault is
catalogue.py  every kind there is; the modules below it hold them, by service type
choose.py     chooses faults by a seed
held.py       the backups that are damaged: fetched once, given to each drill anew
bench.py      a service's backup that is damaged: what can be done to it, and one drill a fault
attempt.py    one fault, and what came of it
"""
