"""Ingress controllers: a package for each, with the parts that act on a cluster, and one table (``registry``)."""
