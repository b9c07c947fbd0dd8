"""What a real API server fills in and refuses: shared by the local cluster's server and by the check of Experiments."""
