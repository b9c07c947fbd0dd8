"""One Experiment end to end: nested contexts, phases, evidence sealed before it is judged."""
