"""Proves that no request is lost while an application or its routing changes on Kubernetes."""
