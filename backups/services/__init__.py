"""What can be protected: one folder a type, all behind `base.Service`; `registry.py` names them."""
