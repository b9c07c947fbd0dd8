"""The answers of the real ingress-nginx for each annotation, recorded once, and the same requests to the embedded one.

``python -m ingress_answers record`` asks the real controller, in a container in front of an embedded API server, and
writes ``RECORDED``. ``python -m ingress_answers page`` writes the table of the documentation.
"""
