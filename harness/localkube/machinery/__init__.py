"""Shared base of the cluster's components: resources, API client, informers, work queues, event recorder.

The components communicate only through the Kubernetes API, so that the real one can replace each of them. This package
corresponds to client-go.
"""
