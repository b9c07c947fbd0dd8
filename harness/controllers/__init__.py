"""Ingress controllers: one table (``registry``), and a package for each with the parts that act on a cluster."""
