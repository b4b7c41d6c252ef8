"""The joint drill: the services' copies stand side by side, and are asked what their dashboards ask.

Next file: `drill.py`.
"""
