"""Stands where kube-proxy stands: says which pods a connection to a Service may go to, as late as the real one does."""
