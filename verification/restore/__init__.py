"""Restores for real: brings a backup back by the same steps that the drills prove every week, and delivers it to its target.

`restore.py` is the order of the steps; `moment.py` chooses what comes back, `plan.py` says beforehand what will happen and how
long that took in the last drill, `target/` holds what is done on the target's machine, `runbook.py` records what was done.
"""
