"""Arguments to objects to exit code; one module per group of commands."""
