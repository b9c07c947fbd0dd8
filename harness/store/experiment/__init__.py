"""Reading Experiment files: one module per part of the file, so that each part's rules stand together."""
