"""The bad day: a backup brought back for real, by the same steps that the drills prove every week.

`story.py` is the order of things; `moment.py` chooses what comes back, `planning.py` says beforehand what will happen and how
long that took in the last drill, `ending.py` is what happens on the target's machine, `runbook.py` keeps what was done.
"""
