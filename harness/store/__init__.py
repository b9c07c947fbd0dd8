"""What is kept on disk: run directories, ledgers, timelines, Experiment files."""
