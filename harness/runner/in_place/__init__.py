"""Changes an application that is already running.

Nothing else is touched, and every change that can be undone is undone.
"""
