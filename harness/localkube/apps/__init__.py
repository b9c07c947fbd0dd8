"""The applications that the local cluster's images stand for, each a process of its own with the original's manners."""
