"""The bad day: a backup brought back for real, by the same steps that the drills prove every week.

`restore.py` is the order of things; `moment.py` chooses what comes back, `plan.py` says beforehand what will happen and how
long that took in the last drill, `deliver.py` is what happens on the target's machine, `runbook.py` keeps what was done.
"""
