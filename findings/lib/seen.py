"""Report a behaviour from a Python part of a finding."""

import sys


def seen(holds: object, text: str) -> None:
    """Print the behaviour when it holds; otherwise end with exit code 1 and say that it has changed."""
    if not holds:
        print(f"CHANGED: no longer so: {text}", file=sys.stderr)
        sys.exit(1)
    print(f"seen: {text}", flush=True)
