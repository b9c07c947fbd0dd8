"""The kinds of changes in Experiment files: one module for each, named after its word.

Each has a schema (``ScaleSchema`` for the record ``Scale``) and a ``check(spec, place, context)``.
"""
