"""Code for all kinds of clusters that are real Kubernetes and serve many trials one after the other."""
