"""The kubelet's server for streams into pods: `kubectl exec`, `cp` and `port-forward`."""
