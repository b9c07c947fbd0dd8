"""What every part of the local cluster stands on: resources, API client, informers, queues, event recorder.

The parts of the local cluster talk only through the Kubernetes API, so that any of them can be replaced by the real
one; this package is their counterpart of client-go.
"""
