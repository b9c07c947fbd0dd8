"""What of the cluster itself runs as pods: the ingress controller, a Deployment and a Service as on a real cluster."""
