"""Run the cluster's own pods: the ingress controller, with a Deployment and a Service as on a real cluster."""
