"""Share one schedule between several Locust workers."""
