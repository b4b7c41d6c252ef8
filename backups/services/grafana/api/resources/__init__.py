"""Holds a module for each kind of object: how it is read, what of it is compared, how it is put back, what cannot come back.

`order.py` lists them in an order in which a restore finds what each refers to; `base.py` says what a `Resource` is.
"""
