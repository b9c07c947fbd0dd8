"""Where an Experiment runs: kinds of clusters behind one small Protocol."""
