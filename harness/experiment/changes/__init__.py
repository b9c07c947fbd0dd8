"""How an Experiment file describes each kind of change: a module per kind, named after its word.

Each has a schema (``ScaleSchema`` for the record ``Scale``) and a ``check(spec, place, context)``.
"""
