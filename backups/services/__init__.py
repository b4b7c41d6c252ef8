"""Backs up and restores each type of service: one folder for a type, all behind `base.Service`; `registry.py` lists them."""
