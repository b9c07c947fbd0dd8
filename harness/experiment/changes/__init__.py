"""The descriptions of all kinds of changes in Experiment files: a module per kind, named after its word.

Each has a schema (``ScaleSchema`` for the record ``Scale``) and a ``check(spec, place, context)``.
"""
