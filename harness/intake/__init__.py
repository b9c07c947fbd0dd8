"""From a folder of manifests to an Experiment: what ``harness init`` and ``harness check`` do.

People come with what they have: the files of a chart or of an overlay, a dump of ``kubectl get -o yaml``, one file with
everything. They want a verdict before they have read about Experiments.
"""
