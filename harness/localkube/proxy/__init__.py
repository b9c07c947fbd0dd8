"""Play the role of kube-proxy: publish the pods behind each Service, with the delay of the real one."""
