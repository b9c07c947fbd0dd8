"""The kinds of clusters on which an Experiment can run, behind one small Protocol."""
