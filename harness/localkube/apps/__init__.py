"""The applications of the local cluster's images, each run as a process that behaves like the original."""
