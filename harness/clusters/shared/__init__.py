"""What the kinds of clusters have in common that are real Kubernetes and serve many trials one after the other."""
