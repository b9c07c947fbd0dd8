"""The controllers: each watches the API and writes to it until the actual state matches the desired state."""
