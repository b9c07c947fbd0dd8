"""Any cluster that a kubeconfig names."""
