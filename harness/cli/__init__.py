"""The command line: turns arguments into objects, and results into exit codes. One module per group of commands."""
